import type { Readable } from 'node:stream';
import type { ErrorContext } from '../../../errors.ts';
import { tooLarge } from '../../object-rules.ts';

export interface Part {
  readonly bytes: Uint8Array;
  readonly isLast: boolean;
}

export async function* partsOf(bytes: Uint8Array, partBytes: number): AsyncGenerator<Part> {
  for (let at = 0; at < bytes.byteLength; at += partBytes) {
    yield { bytes: bytes.subarray(at, at + partBytes), isLast: at + partBytes >= bytes.byteLength };
  }
}

export interface StreamParts {
  readonly partBytes: number;
  readonly limit: { readonly maxBytes: number; readonly context: ErrorContext };
  readonly signal: AbortSignal | undefined;
}

/**
 * The stream in parts of the same size but the last, which may be empty. Rejects with the stream's own error, with the
 * signal's reason, or with `limit-exceeded`; the stream is destroyed then.
 */
export async function* partsOfStream(
  stream: Readable,
  { partBytes, limit, signal }: StreamParts,
): AsyncGenerator<Part> {
  const abort = () => stream.destroy(signal?.reason);
  if (signal?.aborted === true) abort();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    let chunks: Uint8Array[] = [];
    let gathered = 0;
    let total = 0;
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      total += chunk.byteLength;
      if (total > limit.maxBytes) throw tooLarge(limit.maxBytes, limit.context);
      chunks.push(chunk);
      gathered += chunk.byteLength;
      while (gathered >= partBytes) {
        const all = Buffer.concat(chunks);
        yield { bytes: all.subarray(0, partBytes), isLast: false };
        chunks = [all.subarray(partBytes)];
        gathered -= partBytes;
      }
    }
    signal?.throwIfAborted();
    yield { bytes: Buffer.concat(chunks), isLast: true };
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}
