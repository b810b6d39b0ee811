import type { JobResult, Operations } from './operations.ts';
import { pause } from './pause.ts';
import { FacefleetConnectionError } from './problem.ts';
import { linesOf } from './streams.ts';
import type { Transport } from './transport.ts';

const RECONNECT_MS = 1000;
/** Connections that bring no line, one after the other; then the last failure is told. */
const MOST_IDLE_CONNECTIONS = 5;

/** What became of one picture of a batch. `gone`: it had a result, which was swept since. */
export type BatchLine =
  | {
      readonly index: number;
      readonly jobId: string;
      readonly status: JobResult['status'];
      readonly fileName: string;
      readonly result: JobResult;
    }
  | { readonly index: number; readonly jobId: string; readonly status: 'gone' };

/** The lines from `offset` on; where a connection breaks off, the next one goes on after the last whole line. */
export async function* followBatch(
  transport: Transport,
  batchId: string,
  { offset: first = 0, follow = false }: Operations['getBatchResults']['query'],
  signal: AbortSignal | undefined,
): AsyncGenerator<BatchLine> {
  const { total } = await transport.json('getBatch', { params: { batchId }, signal });
  const headers = { accept: 'application/x-ndjson' };
  let idle = 0;
  for (let offset = first; offset < total; ) {
    const query = { offset, follow };
    const { body } = await transport.send('getBatchResults', { params: { batchId }, query, headers, signal });
    let failure: unknown;
    try {
      for await (const text of body === null ? [] : linesOf(body)) {
        if (text === '') continue;
        const line = JSON.parse(text) as BatchLine;
        offset = line.index + 1;
        idle = 0;
        yield line;
      }
    } catch (error) {
      if (signal?.aborted === true || error instanceof SyntaxError) throw error;
      failure = error;
    }
    // It ended by itself, before the first picture that has no result yet.
    if (failure === undefined && !follow) return;
    if (offset < total && ++idle > MOST_IDLE_CONNECTIONS) {
      throw new FacefleetConnectionError('the results of a batch', failure ?? new Error('they end at once'));
    }
    if (offset < total) await pause(RECONNECT_MS, signal);
  }
}
