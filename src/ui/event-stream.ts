import { send } from './api.ts';
import { EventReader, type StreamEvent } from './event-reader.ts';

export type StreamState = 'connecting' | 'open' | 'lost';

export interface StreamHandlers {
  readonly onEvent: (event: StreamEvent) => void;
  readonly onState: (state: StreamState) => void;
}

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 5000;
/** The server says something every second or few; silence for this long is a dead connection. */
const SILENCE_MS = 15_000;

/**
 * Follows a stream of events until the signal aborts, connecting again whenever it breaks. Made with `fetch`, since the
 * browser's own EventSource cannot send a key.
 */
export async function followEvents(
  path: string,
  handlers: StreamHandlers,
  signal: AbortSignal,
): Promise<void> {
  let retryMs = FIRST_RETRY_MS;
  handlers.onState('connecting');
  while (!signal.aborted) {
    try {
      await readOnce(path, signal, {
        ...handlers,
        onState: (state) => {
          retryMs = FIRST_RETRY_MS;
          handlers.onState(state);
        },
      });
    } catch {
      // Told by the state; the reason is the same for all: nobody answers there now.
    }
    if (signal.aborted) return;
    handlers.onState('lost');
    await pause(retryMs, signal);
    retryMs = Math.min(LAST_RETRY_MS, retryMs * 2);
  }
}

async function readOnce(path: string, signal: AbortSignal, handlers: StreamHandlers): Promise<void> {
  const silence = new AbortController();
  const either = AbortSignal.any([signal, silence.signal]);
  const response = await send(path, { signal: either, headers: { Accept: 'text/event-stream' } });
  handlers.onState('open');
  const reader = new EventReader();
  const pieces = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const timer = setTimeout(() => silence.abort(), SILENCE_MS);
    const { done, value } = await pieces.read().finally(() => clearTimeout(timer));
    if (done) return;
    for (const event of reader.push(value)) handlers.onEvent(event);
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
