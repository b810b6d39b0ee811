import { systemClock } from '../adapters/local/system-clock.ts';
import type { Clock } from '../ports/clock.ts';
import type { PictureSource, WorkloadPicture } from './pictures.ts';
import type { Predictions } from './predictions.ts';
import { type Outcome, RecognitionClient } from './recognition-client.ts';
import { type Tally, type WorkloadReport, WorkloadTally } from './report.ts';

export interface WorkloadOptions {
  readonly url: string;
  readonly pictures: PictureSource;
  /** How many to send; the pictures begin again when there are fewer. Without it `durationSeconds` ends the run. */
  readonly requests?: number | undefined;
  /** No request is started after this time. */
  readonly durationSeconds?: number | undefined;
  /** Most requests at once. */
  readonly concurrency: number;
  /**
   * Requests are due at this rate, whatever the answers take (an open loop), and latencies count from when they were
   * due. Without it each answer is followed by the next request at once (a closed loop).
   */
  readonly ratePerSecond?: number | undefined;
  /** For one request. */
  readonly timeoutSeconds: number;
  readonly apiKey?: string | undefined;
  readonly predictions?: Predictions | undefined;
  /** Aborting ends the run at once; the report says how many were in flight. */
  readonly signal?: AbortSignal | undefined;
  /** After each request. */
  readonly onFinished?: (tally: Tally) => void;
  readonly clock?: Clock;
}

/**
 * Sends pictures to a server that speaks the contract and counts what comes back.
 *
 * @throws FacefleetError `bad-request` for a URL that is none. Requests that fail are part of the report.
 */
export async function runWorkload(options: WorkloadOptions): Promise<WorkloadReport> {
  const { clock = systemClock, signal, pictures, predictions } = options;
  using client = new RecognitionClient(options);
  const tally = new WorkloadTally();
  const startedAt = clock.monotonic();
  const schedule = createSchedule(options, startedAt, clock);

  const sendInTurn = async () => {
    for (let turn = schedule.next(); turn !== undefined; turn = schedule.next()) {
      const waitMs = turn.dueAt - clock.monotonic();
      if (waitMs > 0) await clock.sleep(waitMs, signal);
      if (signal?.aborted) return;
      // In a closed loop a request is due when there is somebody to send it.
      const dueAt = options.ratePerSecond === undefined ? clock.monotonic() : turn.dueAt;
      const { picture, outcome } = await sendOne(client, pictures, turn.index % pictures.count, signal);
      const fileName = picture?.fileName ?? '';
      tally.add(outcome, clock.monotonic() - dueAt, fileName, predictions?.nameFor(fileName));
      options.onFinished?.(tally);
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, sendInTurn));
  return tally.report((clock.monotonic() - startedAt) / 1000);
}

async function sendOne(
  client: RecognitionClient,
  pictures: PictureSource,
  index: number,
  signal: AbortSignal | undefined,
): Promise<{ picture?: WorkloadPicture; outcome: Outcome }> {
  let picture: WorkloadPicture;
  try {
    picture = await pictures.load(index);
  } catch {
    // It was there when the run began; the run goes on without it, and the report tells.
    return { outcome: { kind: 'failed', reason: 'a picture that could not be read' } };
  }
  return { picture, outcome: await client.send(picture, signal) };
}

interface Turn {
  readonly index: number;
  /** On the monotonic clock, milliseconds. */
  readonly dueAt: number;
}

/** Hands out requests in order, until enough were sent or the time is up. */
function createSchedule(options: WorkloadOptions, startedAt: number, clock: Clock) {
  const { requests = Number.POSITIVE_INFINITY, durationSeconds, ratePerSecond, signal } = options;
  const endsAt = startedAt + (durationSeconds ?? Number.POSITIVE_INFINITY) * 1000;
  let index = 0;
  return {
    next(): Turn | undefined {
      const dueAt = ratePerSecond === undefined ? startedAt : startedAt + (index / ratePerSecond) * 1000;
      const isOver = index >= requests || Math.max(dueAt, clock.monotonic()) >= endsAt;
      return isOver || signal?.aborted ? undefined : { index: index++, dueAt };
    },
  };
}
