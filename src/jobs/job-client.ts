import { createHash, randomUUIDv7 } from 'node:crypto';

import type { Config } from '../config.ts';
import type { Deployment } from '../deployment.ts';
import { errorMessage, FacefleetError, isTransient } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';
import type { Queue } from '../ports/queue.ts';
import { callForChore, wakeController } from '../scaling/controller-client.ts';
import { Releasers } from '../shutdown.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { newTraceId, type TraceContext } from '../telemetry/trace-context.ts';
import { oweCall, type Webhook } from '../webhooks/webhook.ts';
import { type Cancellation, cancelJob } from './cancellation.ts';
import { WEBHOOKS } from './chores.ts';
import { bindIdempotencyKey, type IdempotencyClaim } from './idempotency.ts';
import { JOB_FORMAT_VERSION, type JobRecord, type JobResult, type JobStage, type JobTask } from './job.ts';
import { JobList, type JobPage, type JobQuery } from './job-list.ts';
import { encodeMessage, isJobId } from './messages.ts';
import { ensureJobQueues } from './queues.ts';
import { type PictureSource, type RecordDraft, readRecord, storeRecord } from './record.ts';
import { ResponseQueue } from './response-queue.ts';
import { ResponseWaiter } from './response-waiter.ts';
import { readResult } from './results.ts';
import { type Buckets, resultBucket } from './stores.ts';

/** How often a waiter looks for its result itself, in case the answer got lost. */
const LOOK_MS = 5000;
/** As file systems have it; in the worst case 765 bytes of a record's two kilobytes. */
export const MAX_FILE_NAME_LENGTH = 255;

export interface JobRequest {
  readonly picture: Uint8Array | PictureSource;
  /** As the sender calls it: any text of at most 255 characters (`MAX_FILE_NAME_LENGTH`), may be empty. */
  readonly fileName: string;
  readonly contentType: string;
  readonly task: JobTask;
  /** What it is a part of; a trace of its own if not given. */
  readonly trace?: TraceContext;
  /** For how long somebody will wait; 0 asks for no answer. */
  readonly waitSeconds: number;
  /** Whether somebody may follow the job's stages here (`stageOf`), who need not wait. */
  readonly tellsProgress?: boolean;
  readonly idempotency?: IdempotencyClaim;
  /** Whom to call when the job is finished. */
  readonly webhook?: Webhook;
}

/** The job is accepted: its message is committed to the queue. */
export interface Submission {
  readonly jobId: string;
  /** False: the Idempotency-Key had been used, this is its job. */
  readonly isNew: boolean;
  /** There already, when the job is not new. */
  readonly result?: JobResult;
}

export type JobState =
  | { readonly state: 'finished'; readonly result: JobResult }
  | { readonly state: 'pending'; readonly record: JobRecord };

export interface WaitOptions {
  readonly timeoutSeconds: number;
  readonly signal?: AbortSignal;
}

interface Parts {
  readonly buckets: Buckets;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly config: Pick<Config, 'prefix' | 'dialect' | 'retentionDays'>;
  readonly requests: Queue;
  readonly waiter: ResponseWaiter;
  readonly releasers: Releasers;
}

/**
 * Hands pictures to the workers and waits for what they find. Failures of bucket and queue come through as they are:
 * UnavailableError and its kin mean that the job may or may not have been accepted, and an Idempotency-Key tells.
 */
export class JobClient implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #list: JobList;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.#list = new JobList(parts);
  }

  /** With a web id its answers come to the lasting queue of that web process, without to one that goes with the client. */
  static async open(deployment: Deployment, { webId }: { webId?: string } = {}): Promise<JobClient> {
    const { clock, logger, telemetry, queues, state } = deployment;
    const { config } = deployment.loaded;
    const { requests } = await ensureJobQueues(queues, config);
    const releasers = new Releasers();
    const context = { state, queues, clock, logger, prefix: config.prefix };
    const responses = releasers.use('response queue', await ResponseQueue.open(context, webId));
    const waiter = releasers.use('response waiter', new ResponseWaiter({ responses, clock, logger }));
    return new JobClient({
      buckets: deployment,
      clock,
      logger,
      telemetry,
      config,
      requests,
      waiter,
      releasers,
    });
  }

  /**
   * Stores the picture with its record, then sends the message.
   *
   * @throws IdempotencyMismatchError when the key was used with another picture, file name or task.
   * @throws FacefleetError `limit-exceeded` when file name and task are too long to be kept.
   */
  async submit(request: JobRequest): Promise<Submission> {
    checkFileName(request.fileName);
    const { buckets, clock, config } = this.#parts;
    const picture = toSource(request.picture);
    const submission = await this.#bind(request, picture);
    const { jobId } = submission;
    const draft: RecordDraft = {
      version: JOB_FORMAT_VERSION,
      jobId,
      fileName: request.fileName,
      contentType: request.contentType,
      sha256: picture.sha256,
      sizeBytes: picture.sizeBytes,
      submittedAt: clock.now(),
      traceId: request.trace?.traceId ?? newTraceId(),
      dialect: config.dialect,
      task: request.task,
    };
    if (submission.isNew) {
      await this.#send(await this.#store(draft, picture, request), request);
      return submission;
    }
    const result = await this.result(jobId);
    if (result !== undefined) return { ...submission, result };
    // Whoever came first may have died between any two steps. Another message costs a second look at most.
    const record = (await readRecord(buckets, jobId)) ?? (await this.#store(draft, picture, request));
    await this.#send(record, request);
    return submission;
  }

  /** The result of the job, or undefined when it isn't there in time, the signal aborts, or the client is disposed of. */
  async wait(jobId: string, { timeoutSeconds, signal }: WaitOptions): Promise<JobResult | undefined> {
    const { clock, waiter } = this.#parts;
    const deadline = clock.monotonic() + timeoutSeconds * 1000;
    for (;;) {
      const remainingMs = Math.max(0, deadline - clock.monotonic());
      await waiter.answered(jobId, Math.min(LOOK_MS, remainingMs), signal);
      if (signal?.aborted === true || waiter.isStopped) return undefined;
      const result = await this.#look(jobId);
      if (result !== undefined || clock.monotonic() >= deadline) return result;
    }
  }

  /** The stored result; undefined while there is none. */
  async result(jobId: string): Promise<JobResult | undefined> {
    if (!isJobId(jobId)) return undefined;
    const { buckets, config } = this.#parts;
    return (await readResult(resultBucket(buckets, config.dialect), jobId))?.result;
  }

  /** What is known of a job; undefined when there is none with this id. */
  async find(jobId: string): Promise<JobState | undefined> {
    const result = await this.result(jobId);
    if (result !== undefined) return { state: 'finished', result };
    const record = isJobId(jobId) ? await readRecord(this.#parts.buckets, jobId) : undefined;
    if (record === undefined) return undefined;
    if (record.dialect !== this.#parts.config.dialect) {
      const other = await readResult(resultBucket(this.#parts.buckets, record.dialect), jobId);
      if (other !== undefined) return { state: 'finished', result: other.result };
    }
    return { state: 'pending', record };
  }

  /** How far the job is known to be; undefined before it has begun, and where nobody was told. */
  stageOf(jobId: string): JobStage | undefined {
    return this.#parts.waiter.stageOf(jobId);
  }

  /** Resolves when there may be something new about the job, and at the latest when its result is to be looked for. */
  async changed(jobId: string, signal: AbortSignal): Promise<void> {
    await this.#parts.waiter.answered(jobId, LOOK_MS, signal);
  }

  /** All jobs of the deployment, newest first. */
  list(query: JobQuery): Promise<JobPage> {
    return this.#list.page(query);
  }

  /** Cancels a job that has no result yet, and wakes whoever waits for it here. */
  async cancel(jobId: string): Promise<Cancellation> {
    if (!isJobId(jobId)) return undefined;
    const { buckets, clock, waiter } = this.#parts;
    const cancellation = await cancelJob(buckets, clock, jobId);
    if (cancellation?.outcome === 'cancelled') waiter.wake(jobId);
    return cancellation;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.releasers[Symbol.asyncDispose]();
  }

  async #bind(request: JobRequest, picture: PictureSource): Promise<Submission> {
    const jobId = randomUUIDv7();
    if (request.idempotency === undefined) return { jobId, isNew: true };
    const body = JSON.stringify([picture.sha256, request.fileName, request.task]);
    const bodyHash = createHash('sha256').update(body).digest('hex');
    const { buckets, clock } = this.#parts;
    return bindIdempotencyKey(buckets.state, clock, request.idempotency, { jobId, bodyHash });
  }

  async #store(draft: RecordDraft, picture: PictureSource, { trace }: JobRequest): Promise<JobRecord> {
    const { buckets, clock, telemetry } = this.#parts;
    const startedAt = performance.now();
    const record = await storeRecord(buckets, clock, draft, picture);
    telemetry.stageOf(trace, 'store', startedAt);
    return record;
  }

  async #send(
    record: JobRecord,
    { waitSeconds, tellsProgress = false, trace, webhook }: JobRequest,
  ): Promise<void> {
    const { buckets, requests, waiter, clock, telemetry } = this.#parts;
    // Before the message: what is accepted is owed its call.
    if (webhook !== undefined) {
      await oweCall(buckets.state, webhook, { ...record, now: clock.now() });
    }
    const startedAt = performance.now();
    const message = {
      version: JOB_FORMAT_VERSION,
      jobId: record.jobId,
      ...(waitSeconds > 0 || tellsProgress ? { replyQueue: waiter.queueName } : {}),
      ...(tellsProgress ? { tellsProgress } : {}),
      submittedAt: record.submittedAt,
      deadline: Math.round(clock.now() + waitSeconds * 1000),
      traceId: record.traceId,
      // A job that an Idempotency-Key had made is part of the trace that made it.
      ...(trace?.isSampled === true && trace.traceId === record.traceId && { parentSpanId: trace.spanId }),
    };
    await requests.send(encodeMessage(message));
    telemetry.stageOf(trace, 'send', startedAt);
    void wakeController(buckets.state);
    if (webhook !== undefined) void callForChore(buckets.state, WEBHOOKS);
  }

  async #look(jobId: string): Promise<JobResult | undefined> {
    try {
      return await this.result(jobId);
    } catch (error) {
      if (!isTransient(error)) throw error;
      this.#parts.logger.warn({ jobId, error: errorMessage(error) }, 'cannot look for a result; trying on');
      return undefined;
    }
  }
}

function checkFileName(fileName: string): void {
  if (fileName.length <= MAX_FILE_NAME_LENGTH && fileName.isWellFormed()) return;
  throw new FacefleetError(
    'limit-exceeded',
    `a file name has ${fileName.length} characters, expected at most ${MAX_FILE_NAME_LENGTH} of well-formed text`,
  );
}

function toSource(picture: Uint8Array | PictureSource): PictureSource {
  if (!(picture instanceof Uint8Array)) return picture;
  return {
    sizeBytes: picture.byteLength,
    sha256: createHash('sha256').update(picture).digest('hex'),
    open: () => picture,
  };
}
