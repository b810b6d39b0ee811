import { errorCode, errorMessage } from '../errors.ts';
import { JOB_FORMAT_VERSION, type JobMessage, type JobRecord } from '../jobs/job.ts';
import { inputKey, recordKey, resultKey } from '../jobs/keys.ts';
import { encodeMessage, isJobId } from '../jobs/messages.ts';
import { readRecord } from '../jobs/record.ts';
import { type Buckets, resultBucket } from '../jobs/stores.ts';
import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { Queue, QueueDepth } from '../ports/queue.ts';

export interface LostJobSweepOptions extends Buckets {
  readonly requests: Queue;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Where records lie, and the results of their jobs. */
interface Place {
  readonly records: ObjectStore;
  readonly results: ObjectStore;
  readonly keyOf: (jobId: string) => string;
}

/** A web tier that has stored a picture sends the message within milliseconds, or is dead. */
const LEAST_AGE_MS = 60_000;
/** Beside a queue that is not empty, a job must be older than the oldest waiting message by this to count as lost. */
const BEHIND_QUEUE_MS = 15 * 60_000;
/** Records looked at in one run, for each place. */
const MAX_LOOKS = 10_000;
/** From time to time all is looked at again. */
const START_OVER_MS = 3_600_000;

/**
 * Sends the message of a job again that has neither result nor message: its web tier died between the two, or the
 * queue lost it. Messages cannot be looked up, so a job counts as lost when the queue is empty, or has only messages that
 * are much younger. A mistake costs a second look at a finished job, no more.
 */
export class LostJobSweep {
  readonly #options: LostJobSweepOptions;
  readonly #places: readonly (Place & { cursor: string | undefined })[];
  #startedOverAt: number;

  constructor(options: LostJobSweepOptions) {
    const { input, output, state } = options;
    this.#options = options;
    this.#startedOverAt = options.clock.monotonic();
    this.#places = [
      { records: input, results: output, keyOf: inputKey, cursor: undefined },
      { records: state, results: state, keyOf: recordKey, cursor: undefined },
      { records: state, results: state, keyOf: inputKey, cursor: undefined },
    ];
  }

  /** Resolves to how many messages it sent again. */
  async run(signal: AbortSignal): Promise<number> {
    this.#startOverInTime();
    let sent = 0;
    for (const place of this.#places) {
      if (signal.aborted) break;
      const { entries, last } = await this.#withoutResult(place);
      const lost = entries.length === 0 ? [] : await this.#surelyLost(entries);
      if (lost === undefined) continue;
      sent += await this.#resend(lost);
      place.cursor = last;
    }
    return sent;
  }

  #startOverInTime(): void {
    const { clock } = this.#options;
    if (clock.monotonic() - this.#startedOverAt < START_OVER_MS) return;
    this.#startedOverAt = clock.monotonic();
    for (const place of this.#places) place.cursor = undefined;
  }

  /** The next jobs in order that are old enough and have no result, and how far it looked. */
  async #withoutResult(place: Place & { cursor: string | undefined }): Promise<Looked> {
    const before = this.#options.clock.now() - LEAST_AGE_MS;
    const jobs: Job[] = [];
    const prefix = place.keyOf('').replace(/\.json$/, '');
    const startAfter = place.cursor === undefined ? {} : { startAfter: place.keyOf(place.cursor) };
    for await (const { key, lastModified } of place.records.list({ prefix, ...startAfter })) {
      // Job ids begin with their time, so whatever follows is younger still.
      if (lastModified.getTime() > before || jobs.length === MAX_LOOKS) break;
      const jobId = key.slice(prefix.length).replace(/\.json$/, '');
      if (isJobId(jobId)) jobs.push({ jobId, storedAt: lastModified.getTime() });
    }
    const last = jobs.at(-1)?.jobId ?? place.cursor;
    const finished = await finishedJobs(place, place.cursor, last);
    return { entries: jobs.filter(({ jobId }) => !finished.has(jobId)), last };
  }

  /** Undefined when it cannot be told yet. */
  async #surelyLost(jobs: readonly Job[]): Promise<Job[] | undefined> {
    const depth = await this.#options.requests.depth();
    const oldest = oldestWaiting(depth, this.#options.clock.now());
    if (oldest === undefined) return undefined;
    return jobs.filter(({ storedAt }) => storedAt < oldest);
  }

  async #resend(jobs: readonly Job[]): Promise<number> {
    const { requests, logger } = this.#options;
    let sent = 0;
    for (const { jobId } of jobs) {
      const message = await this.#messageFor(jobId);
      if (message === undefined) continue;
      await requests.send(encodeMessage(message));
      const { traceId } = message;
      logger.warn({ jobId, traceId }, 'a job had neither result nor message; sent it again');
      sent++;
    }
    return sent;
  }

  async #messageFor(jobId: string): Promise<JobMessage | undefined> {
    const { clock, logger } = this.#options;
    let record: JobRecord | undefined;
    try {
      record = await readRecord(this.#options, jobId);
    } catch (error) {
      if (errorCode(error) !== 'data-corrupt') throw error;
      logger.error({ jobId, error: errorMessage(error) }, 'a job is lost: its record cannot be read');
      return undefined;
    }
    // Whoever feeds a batch sends the messages of its jobs when their turn comes.
    if (record === undefined || record.batchId !== undefined) return undefined;
    // It may have been finished since the results were listed.
    const results = resultBucket(this.#options, record.dialect);
    if ((await results.head(resultKey(jobId))) !== undefined) return undefined;
    const { submittedAt, traceId } = record;
    return { version: JOB_FORMAT_VERSION, jobId, submittedAt, deadline: clock.now(), traceId };
  }
}

interface Job {
  readonly jobId: string;
  readonly storedAt: number;
}

interface Looked {
  readonly entries: readonly Job[];
  readonly last: string | undefined;
}

/** The ids after `from` up to `to` that have a result. */
async function finishedJobs(
  { results }: Place,
  from: string | undefined,
  to: string | undefined,
): Promise<ReadonlySet<string>> {
  const finished = new Set<string>();
  if (to === undefined || to === from) return finished;
  const prefix = resultKey('').replace(/\.json$/, '');
  const startAfter = from === undefined ? {} : { startAfter: resultKey(from) };
  for await (const { key } of results.list({ prefix, ...startAfter })) {
    if (key > resultKey(to)) break;
    finished.add(key.slice(prefix.length).replace(/\.json$/, ''));
  }
  return finished;
}

/** Jobs stored before this have no message; undefined while the queue is too full to tell. */
function oldestWaiting(depth: QueueDepth, now: number): number | undefined {
  if (depth.visible + depth.inFlight + depth.delayed === 0) return now;
  // What is in flight or delayed may be of any age, and come back.
  if (depth.inFlight + depth.delayed > 0 || depth.oldestAgeSeconds === undefined) return undefined;
  return now - depth.oldestAgeSeconds * 1000 - BEHIND_QUEUE_MS;
}
