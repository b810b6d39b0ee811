/** One event of a stream (server-sent events). */
export interface StreamEvent {
  readonly type: string;
  readonly data: string;
  /** As of this event, to go on from. */
  readonly lastId: string | undefined;
}

/** The lines of a body, without their ends. A last line that was not ended is left out: it may be cut off. */
export async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (rest + decoder.decode(value, { stream: true })).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) yield line.endsWith('\r') ? line.slice(0, -1) : line;
    }
  } finally {
    // Whoever stops reading lets go of the connection; one that broke is gone already.
    await reader.cancel().catch(() => undefined);
  }
}

/** The events of a body; comments are skipped. */
export async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<StreamEvent> {
  let lastId: string | undefined;
  let type = 'message';
  let data: string[] = [];
  for await (const line of linesOf(body)) {
    if (line === '') {
      if (data.length > 0) yield { type, data: data.join('\n'), lastId };
      type = 'message';
      data = [];
      continue;
    }
    const { name, value } = fieldOf(line);
    if (name === 'event') type = value;
    else if (name === 'data') data.push(value);
    else if (name === 'id') lastId = value;
  }
}

function fieldOf(line: string): { name: string; value: string } {
  const at = line.indexOf(':');
  if (at < 0) return { name: line, value: '' };
  return { name: line.slice(0, at), value: line.slice(at + 1).replace(/^ /, '') };
}
