import { type BatchState, readBatch, stateOf } from '../batches/batch.ts';
import { errorCode, errorMessage } from '../errors.ts';
import type { JobResult } from '../jobs/job.ts';
import { webhookKey } from '../jobs/keys.ts';
import { isJobId } from '../jobs/messages.ts';
import { readResult } from '../jobs/results.ts';
import type { Buckets } from '../jobs/stores.ts';
import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { formatTraceparent, newSpanId } from '../telemetry/trace-context.ts';
import type { Destinations } from './destinations.ts';
import { signatureHeaders } from './signature.ts';
import { type OwedCall, readOwedCall, rewriteOwedCall } from './webhook.ts';
import { callWebhook } from './webhook-call.ts';

const MINUTE = 60;
const HOUR = 3600;
/** Seconds after each failure until the next try; after the last one it is given up. A day in all. */
const BACKOFF_SECONDS = [
  5,
  30,
  2 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  HOUR,
  2 * HOUR,
  4 * HOUR,
  8 * HOUR,
  8 * HOUR,
];
const CALLS_AT_ONCE = 8;
/** Of a round; more are for the next one. */
const MAX_LOOKS = 2000;
/** A job that isn't finished is looked at again after a quarter of the time that has passed, within these. */
const LEAST_LOOK_MS = 1000;
const MOST_LOOK_MS = 60_000;
/** A round lists what is owed, which costs money where buckets are S3's. Who owes a new call says so. */
const LEAST_REST_MS = 2000;
const MOST_REST_MS = 60_000;

export interface WebhookDelivererOptions extends Buckets {
  readonly destinations: Destinations;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random?: () => number;
}

/** What a call tells. */
interface News {
  /** The same however often it is told. */
  readonly id: string;
  readonly type: 'job.finished' | 'batch.finished';
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly data: JobResult | BatchState;
}

/**
 * Calls the webhooks of jobs and batches that are finished. What is owed lies in the state bucket until the receiver has said 2xx, so
 * whoever dies, a call comes at least once; its id is the same each time, so that receivers know a repeat.
 */
export class WebhookDeliverer {
  readonly #options: WebhookDelivererOptions;
  readonly #outcomes;
  /** When each is worth looking at again, as far as known; what is not here is looked at. */
  readonly #due = new Map<string, number>();
  #cursor: string | undefined;

  constructor(options: WebhookDelivererOptions) {
    this.#options = options;
    this.#outcomes = options.telemetry.metrics.counter(
      'facefleet_webhook_calls_total',
      'Calls of webhooks, by what came of them',
      ['outcome'],
    );
  }

  /** One round; resolves to how many calls were delivered. */
  async run(signal: AbortSignal): Promise<number> {
    const jobIds = await this.#dueJobs();
    let delivered = 0;
    const next = jobIds.values();
    const work = async () => {
      for (const jobId of next) {
        if (signal.aborted) return;
        if (await this.#attend(jobId, signal)) delivered++;
      }
    };
    await Promise.all(Array.from({ length: CALLS_AT_ONCE }, work));
    return delivered;
  }

  /** How long the next round may wait: until the next call is due. */
  get restSeconds(): number {
    const now = this.#options.clock.now();
    const dueAt = this.#cursor === undefined ? Math.min(...this.#due.values()) : now;
    return Math.min(MOST_REST_MS, Math.max(LEAST_REST_MS, dueAt - now)) / 1000;
  }

  async #dueJobs(): Promise<string[]> {
    const { state, clock } = this.#options;
    const prefix = webhookKey('').replace(/\.json$/, '');
    const now = clock.now();
    const due: string[] = [];
    const seen = new Set<string>();
    const startAfter = this.#cursor === undefined ? {} : { startAfter: this.#cursor };
    this.#cursor = undefined;
    for await (const { key } of state.list({ prefix, ...startAfter })) {
      const jobId = key.slice(prefix.length).replace(/\.json$/, '');
      if (!isJobId(jobId)) continue;
      seen.add(jobId);
      if ((this.#due.get(jobId) ?? 0) <= now) due.push(jobId);
      if (due.length === MAX_LOOKS) {
        this.#cursor = key;
        break;
      }
    }
    const isWhole = startAfter.startAfter === undefined && this.#cursor === undefined;
    if (isWhole) for (const jobId of this.#due.keys()) if (!seen.has(jobId)) this.#due.delete(jobId);
    return due;
  }

  /** Whether the call was delivered. */
  async #attend(jobId: string, signal: AbortSignal): Promise<boolean> {
    const { state, clock, logger } = this.#options;
    try {
      const owed = await readOwedCall(state, jobId);
      if (owed === undefined) return false;
      if (owed.call.attempts > BACKOFF_SECONDS.length) {
        this.#due.set(jobId, Number.POSITIVE_INFINITY);
        return false;
      }
      if (owed.call.nextAt > clock.now()) {
        this.#due.set(jobId, owed.call.nextAt);
        return false;
      }
      const news = await this.#newsOf(owed.call);
      if (news !== undefined) return await this.#call(owed, news, signal);
      const waitedMs = clock.now() - owed.call.createdAt;
      this.#due.set(jobId, clock.now() + Math.min(MOST_LOOK_MS, Math.max(LEAST_LOOK_MS, waitedMs / 4)));
    } catch (error) {
      logger.warn({ jobId, error: errorMessage(error) }, 'a webhook could not be dealt with; trying on');
      const isHopeless = errorCode(error) === 'data-corrupt';
      this.#due.set(jobId, isHopeless ? Number.POSITIVE_INFINITY : clock.now() + LEAST_REST_MS);
    }
    return false;
  }

  /** What there is to tell; undefined while it is not finished. */
  async #newsOf({ jobId, about }: OwedCall): Promise<News | undefined> {
    const { output, state } = this.#options;
    if (about === 'batch') {
      const batch = (await readBatch(state, jobId))?.batch;
      if (batch?.finishedAt === undefined) return undefined;
      const data = stateOf(batch);
      return { id: `batch_${jobId}`, type: 'batch.finished', at: batch.finishedAt, data };
    }
    const data = ((await readResult(output, jobId)) ?? (await readResult(state, jobId)))?.result;
    return data && { id: `job_${jobId}`, type: 'job.finished', at: data.finishedAt, data };
  }

  async #call(
    { call, etag }: { call: OwedCall; etag: string },
    { id, type, at, data }: News,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { state, destinations, clock, logger } = this.#options;
    const { jobId, traceId, url, secret } = call;
    const body = JSON.stringify({ type, timestamp: new Date(at).toISOString(), data });
    const timestamp = Math.floor(clock.now() / 1000);
    const traceparent = formatTraceparent({ traceId, spanId: newSpanId(), isSampled: false });
    const headers = { ...signatureHeaders(secret, { id, timestamp, body }), traceparent };
    const outcome = await callWebhook({ url, headers, body, destinations, signal });
    if (outcome.kind === 'failed') {
      if (!signal.aborted) await this.#failed(call, etag, outcome.reason);
      return false;
    }
    await state.delete(webhookKey(jobId));
    this.#due.delete(jobId);
    this.#outcomes.of(outcome.kind).add();
    logger.debug({ jobId, traceId, outcome: outcome.kind }, 'called a webhook');
    return outcome.kind === 'delivered';
  }

  async #failed(call: OwedCall, etag: string, reason: string): Promise<void> {
    const { state, clock, logger, random = Math.random } = this.#options;
    const { jobId, traceId } = call;
    const attempts = call.attempts + 1;
    const seconds = BACKOFF_SECONDS[attempts - 1];
    // Up to a tenth more, so that those who failed together don't come back together.
    const nextAt = seconds === undefined ? call.nextAt : clock.now() + seconds * 1000 * (1 + random() / 10);
    const isOver = seconds === undefined;
    // The secret is of no use any more.
    const next: OwedCall = {
      ...call,
      secret: isOver ? '' : call.secret,
      attempts,
      nextAt,
      lastFailure: reason,
    };
    await rewriteOwedCall(state, next, etag);
    this.#due.set(jobId, isOver ? Number.POSITIVE_INFINITY : nextAt);
    this.#outcomes.of(isOver ? 'given_up' : 'failed').add();
    const facts = { jobId, traceId, host: URL.parse(call.url)?.host, attempts, reason };
    if (isOver) logger.warn(facts, 'a webhook is given up');
    else logger.info({ ...facts, againInSeconds: seconds }, 'a webhook could not be called; again later');
  }
}
