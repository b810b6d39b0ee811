import type { Batch, FailedResult, JobResult, PendingJob } from './operations.ts';
import { pause } from './pause.ts';
import { FacefleetConnectionError } from './problem.ts';
import { eventsOf } from './streams.ts';
import type { Ask, OperationId, Transport } from './transport.ts';

/** The most that a service waits at once. */
const WAIT_SECONDS = 55;
/** Between a stream that ended and the next one. */
const RECONNECT_MS = 1000;
/** Between looks at a batch that takes long. */
const MOST_PAUSE_MS = 10_000;
/** Streams that bring nothing, one after the other; then the last failure is told. */
const MOST_IDLE_STREAMS = 5;

/** What becomes of a job. After `done` there is no more. */
export type JobEvent =
  | { readonly type: 'queued'; readonly jobId: string; readonly submittedAt: number }
  | { readonly type: 'started'; readonly jobId: string; readonly stage: 'started' }
  | { readonly type: 'stage'; readonly jobId: string; readonly stage: 'recognise' | 'store' }
  | { readonly type: 'done'; readonly result: JobResult };

/** Waits as long as it takes; the signal says when not to any more. */
export async function waitForResult(
  transport: Transport,
  jobId: string,
  signal: AbortSignal | undefined,
): Promise<JobResult> {
  for (;;) {
    const headers = { prefer: `wait=${WAIT_SECONDS}` };
    const askedAt = performance.now();
    const answer = await transport.json('getJob', { params: { jobId }, headers, signal });
    if (isFinished(answer)) return answer;
    // A service that is closing doesn't wait.
    if (performance.now() - askedAt < 1000) await pause(RECONNECT_MS, signal);
  }
}

/** Looks once a second at first, and less often the longer it takes. */
export async function waitForBatch(
  transport: Transport,
  batchId: string,
  signal: AbortSignal | undefined,
): Promise<Batch> {
  for (let pauseMs = RECONNECT_MS; ; pauseMs = Math.min(MOST_PAUSE_MS, pauseMs * 1.2)) {
    const batch = await transport.json('getBatch', { params: { batchId }, signal });
    if (batch.status === 'done' || batch.status === 'cancelled') return batch;
    await pause(pauseMs, signal);
  }
}

/** The events of a job until it is done, over as many connections as that takes. */
export async function* followJob(
  transport: Transport,
  jobId: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<JobEvent> {
  const connect = (lastEventId: string | undefined) => ({
    params: { jobId },
    signal,
    ...resuming(lastEventId),
  });
  for await (const { type, data } of reconnecting(transport, 'followJob', connect, signal)) {
    if (type === 'done') {
      yield { type, result: data as JobResult };
      return;
    }
    yield { type, ...(data as object) } as JobEvent;
  }
}

/** Events of a stream that is connected to again whenever it ends, until the service says (204) that there are no more. */
export async function* reconnecting<Id extends OperationId>(
  transport: Transport,
  id: Id,
  connect: (lastEventId: string | undefined) => Ask<Id>,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ readonly type: string; readonly data: unknown }> {
  let lastEventId: string | undefined;
  let idle = 0;
  for (;;) {
    const response = await transport.send(id, connect(lastEventId));
    if (response.status === 204 || response.body === null) return;
    let failure: unknown;
    try {
      for await (const { type, data, lastId } of eventsOf(response.body)) {
        idle = 0;
        lastEventId = lastId ?? lastEventId;
        yield { type, data: JSON.parse(data) };
      }
    } catch (error) {
      if (signal?.aborted === true || error instanceof SyntaxError) throw error;
      failure = error;
    }
    if (++idle > MOST_IDLE_STREAMS) {
      throw new FacefleetConnectionError(`the stream ${id}`, failure ?? new Error('it ends at once'));
    }
    await pause(RECONNECT_MS, signal);
  }
}

function resuming(lastEventId: string | undefined) {
  return { headers: { accept: 'text/event-stream', 'last-event-id': lastEventId } };
}

function isFinished(answer: JobResult | PendingJob | FailedResult): answer is JobResult {
  return answer.status !== 'pending';
}
