import { errorCode, errorMessage } from '../errors.ts';
import { type Cancellation, cancelJob } from '../jobs/cancellation.ts';
import { type Dialect, JOB_FORMAT_VERSION } from '../jobs/job.ts';
import { batchKey, resultKey } from '../jobs/keys.ts';
import { encodeMessage, isJobId } from '../jobs/messages.ts';
import { readResult } from '../jobs/results.ts';
import { type Buckets, resultBucket } from '../jobs/stores.ts';
import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';
import type { Queue } from '../ports/queue.ts';
import { type Batch, batchJobId, readBatch, rewriteBatch, type StoredBatch } from './batch.ts';

/**
 * Jobs of all batches that wait or are worked on: enough to have the fleet grow, and few enough that a picture somebody
 * waits for is not behind thousands.
 */
const WINDOW = 200;
const LOOKS_AT_ONCE = 16;
/** Jobs of a batch cancelled in one round, so that the others have their turn. */
const CANCELLED_AT_ONCE = 500;
/** With nothing of it in the queue, a batch whose jobs get no results for so long has lost their messages. */
const LOST_AFTER_MS = 60_000;
/** With a batch open there is something to do each second; without one a web tier calls, and this is in case nobody heard. */
const OPEN_REST_SECONDS = 1;
const IDLE_REST_SECONDS = 60;

export interface BatchRunnerOptions extends Buckets {
  readonly requests: Queue;
  readonly dialect: Dialect;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Feeds batches to the workers, a window at a time, and notes how far they are. It remembers nothing that matters: a
 * controller that takes over reads the batch, finds results by ids that follow from it, and sends what is not done; a
 * message that comes twice costs a look.
 */
export class BatchRunner {
  readonly #options: BatchRunnerOptions;
  /** Batches that are over. */
  readonly #finished = new Set<string>();
  /** Since when each has made no progress, by the monotonic clock. */
  readonly #stuckSince = new Map<string, { settled: number; at: number }>();
  #open = 0;

  constructor(options: BatchRunnerOptions) {
    this.#options = options;
  }

  /** One round; resolves to how many batches it finished. */
  async run(signal: AbortSignal): Promise<number> {
    const batches = await this.#openBatches();
    let finished = 0;
    this.#open = batches.length;
    for (const stored of batches) {
      if (signal.aborted) break;
      try {
        if (await this.#advance(stored, Math.ceil(WINDOW / batches.length))) finished++;
      } catch (error) {
        // Another controller took over, or the queue does not answer: the next round looks again.
        const { batchId } = stored.batch;
        const level = errorCode(error) === 'precondition-failed' ? 'debug' : 'warn';
        this.#options.logger[level]({ batchId, error: errorMessage(error) }, 'a batch could not be advanced');
      }
    }
    this.#open -= finished;
    return finished;
  }

  /** How long the next round may wait. A listing costs money where buckets are S3's. */
  get restSeconds(): number {
    return this.#open > 0 ? OPEN_REST_SECONDS : IDLE_REST_SECONDS;
  }

  async #openBatches(): Promise<StoredBatch[]> {
    const { state, logger } = this.#options;
    const prefix = batchKey('').replace(/\.json$/, '');
    const open: StoredBatch[] = [];
    const seen = new Set<string>();
    for await (const { key } of state.list({ prefix })) {
      const batchId = key.slice(prefix.length).replace(/\.json$/, '');
      seen.add(batchId);
      if (!isJobId(batchId) || this.#finished.has(batchId)) continue;
      try {
        const stored = await readBatch(state, batchId);
        if (stored?.batch.finishedAt !== undefined) this.#finished.add(batchId);
        else if (stored !== undefined) open.push(stored);
      } catch (error) {
        if (errorCode(error) !== 'data-corrupt') throw error;
        this.#finished.add(batchId);
        logger.error({ batchId, error: errorMessage(error) }, 'a batch is lost: it cannot be read');
      }
    }
    for (const batchId of this.#finished) if (!seen.has(batchId)) this.#finished.delete(batchId);
    return open;
  }

  /** Whether the batch is over now. */
  async #advance({ batch, etag }: StoredBatch, window: number): Promise<boolean> {
    const { state, clock, logger } = this.#options;
    const known =
      batch.cancelledAt === undefined ? await this.#feed(batch, window) : await this.#cancel(batch);
    const isOver = known.settled === batch.total;
    const next: Batch = { ...known, ...(isOver && { finishedAt: clock.now() }) };
    if (next.sent !== batch.sent || next.settled !== batch.settled || isOver)
      await rewriteBatch(state, next, etag);
    if (!isOver) return false;
    const { batchId, traceId, total, failed } = next;
    this.#finished.add(batchId);
    this.#stuckSince.delete(batchId);
    const isCancelled = batch.cancelledAt !== undefined;
    logger.info({ batchId, traceId, total, failed, isCancelled }, 'a batch is finished');
    return true;
  }

  async #feed(batch: Batch, window: number): Promise<Batch> {
    const known = await this.#settle(batch);
    return { ...known.batch, sent: await this.#send(known.batch, window - known.waiting) };
  }

  /** Cancels some of the jobs that have no result; messages of theirs are dropped by whoever receives them. */
  async #cancel(batch: Batch): Promise<Batch> {
    const { clock } = this.#options;
    let { settled, failed } = batch;
    const upTo = Math.min(batch.total, settled + CANCELLED_AT_ONCE);
    while (settled < upTo) {
      const indices = Array.from(
        { length: Math.min(LOOKS_AT_ONCE, upTo - settled) },
        (_, at) => settled + at,
      );
      const outcomes = await Promise.all(
        indices.map((index) => cancelJob(this.#options, clock, batchJobId(batch.batchId, index))),
      );
      // Of one that is gone nothing is left to be cancelled.
      failed += outcomes.filter((one) => one === undefined || !isDone(one)).length;
      settled += indices.length;
    }
    return { ...batch, settled, failed, sent: Math.max(batch.sent, settled) };
  }

  /** Counts results in order, and how many that were sent have none. */
  async #settle(batch: Batch): Promise<{ batch: Batch; waiting: number }> {
    const { batchId, sent } = batch;
    const indices = Array.from({ length: sent - batch.settled }, (_, offset) => batch.settled + offset);
    let { settled, failed } = batch;
    let waiting = 0;
    for (let start = 0; start < indices.length; start += LOOKS_AT_ONCE) {
      const some = indices.slice(start, start + LOOKS_AT_ONCE);
      const outcomes = await Promise.all(some.map((index) => this.#outcome(batchJobId(batchId, index))));
      for (const outcome of outcomes) {
        if (outcome === undefined) waiting++;
        if (outcome === undefined || waiting > 0) continue;
        settled++;
        if (outcome === 'failed') failed++;
      }
    }
    return { batch: { ...batch, settled, failed }, waiting };
  }

  async #outcome(jobId: string): Promise<'done' | 'failed' | undefined> {
    const found = await readResult(resultBucket(this.#options, this.#options.dialect), jobId);
    return found?.result.status;
  }

  /** Sends at most `room` more messages, and those again that must be lost; resolves to how many jobs are sent then. */
  async #send(batch: Batch, room: number): Promise<number> {
    const { requests } = this.#options;
    const { sent, total, settled } = batch;
    const upTo = Math.min(total, sent + Math.max(0, room));
    const from = (await this.#isStuck(batch)) ? settled : sent;
    const messages: string[] = [];
    for (let index = from; index < upTo; index++) {
      const message = await this.#messageFor(batch, index);
      if (message !== undefined) messages.push(message);
    }
    if (messages.length > 0) await requests.sendBatch(messages);
    return upTo;
  }

  /** Undefined when the job needs none: what was no picture has its result from the start. */
  async #messageFor({ batchId, createdAt, traceId }: Batch, index: number): Promise<string | undefined> {
    const jobId = batchJobId(batchId, index);
    const results = resultBucket(this.#options, this.#options.dialect);
    if ((await results.head(resultKey(jobId))) !== undefined) return undefined;
    const deadline = this.#options.clock.now();
    return encodeMessage({ version: JOB_FORMAT_VERSION, jobId, submittedAt: createdAt, deadline, traceId });
  }

  async #isStuck({ batchId, settled, sent }: Batch): Promise<boolean> {
    const { clock, requests } = this.#options;
    const known = this.#stuckSince.get(batchId);
    const now = clock.monotonic();
    if (settled === sent || known?.settled !== settled) {
      this.#stuckSince.set(batchId, { settled, at: now });
      return false;
    }
    if (now - known.at < LOST_AFTER_MS) return false;
    const { visible, inFlight, delayed } = await requests.depth();
    if (visible + inFlight + delayed > 0) return false;
    this.#stuckSince.set(batchId, { settled, at: now });
    return true;
  }
}

function isDone(cancellation: NonNullable<Cancellation>): boolean {
  return cancellation.outcome === 'finished' && cancellation.result.status === 'done';
}
