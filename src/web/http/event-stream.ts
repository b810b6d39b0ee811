import type { Response } from 'express';

/** A client that reads so much slower than events come that this piles up is cut off; it may connect again. */
const MOST_UNREAD_BYTES = 512 * 1024;

/** An answer that goes on: server-sent events, until the client goes or the stream is ended. */
export interface EventStream {
  /** Aborts when the client has gone, could not keep up, or the stream was ended. */
  readonly ended: AbortSignal;
  /** Sends what `eventFrame` made; the same frame may go to any number of streams. */
  send(frame: Buffer): void;
  end(): void;
}

/** Answers 200 with a stream of events. It ends by itself when `closing` aborts. */
export function openEventStream(response: Response, closing: AbortSignal): EventStream {
  const over = new AbortController();
  const end = () => {
    over.abort();
    response.end();
  };
  response.once('close', () => over.abort());
  response.status(200).set({
    'Content-Type': 'text/event-stream; charset=utf-8',
    'Cache-Control': 'no-store',
    // Proxies that collect answers before they pass them on know this one.
    'X-Accel-Buffering': 'no',
  });
  response.flushHeaders();
  closing.addEventListener('abort', end, { once: true, signal: over.signal });
  if (closing.aborted) end();
  return {
    ended: over.signal,
    send: (frame) => {
      if (over.signal.aborted) return;
      if (response.writableLength > MOST_UNREAD_BYTES) response.destroy();
      else response.write(frame);
    },
    end,
  };
}

/** One event as it goes over the wire; `data` becomes JSON. A client that comes back tells the last `id` that it saw. */
export function eventFrame(type: string, data: unknown, id?: number): Buffer {
  const idLine = id === undefined ? '' : `id: ${id}\n`;
  return Buffer.from(`${idLine}event: ${type}\ndata: ${JSON.stringify(data)}\n\n`);
}

/** Says nothing, but keeps proxies and clients from thinking that nobody is there. */
export const PING_FRAME = Buffer.from(': still here\n\n');
