import { errorMessage } from '../errors.ts';
import {
  type DoneResult,
  type FailedResult,
  JOB_FORMAT_VERSION,
  type JobMessage,
  type JobRecord,
  type JobResult,
} from '../jobs/job.ts';
import { galleryFact, galleryOf } from '../jobs/job-gallery.ts';
import { parseMessage } from '../jobs/messages.ts';
import type { Buckets } from '../jobs/stores.ts';
import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';
import type { StoredObject } from '../ports/object-store.ts';
import type { QueueMessage } from '../ports/queue.ts';
import { Limiter } from '../recognition/limiter.ts';
import type { AttemptLog } from './attempts.ts';
import type { Deliveries } from './deliveries.ts';
import {
  FAILURES_BEFORE_INTERNAL,
  isForDeadLetters,
  isPassing,
  PictureGoneError,
  permanentFailure,
} from './failure.ts';
import { fetchJob } from './fetch-job.ts';
import type { WorkerGallery } from './galleries.ts';
import type { GuardedReading } from './guarded-reading.ts';
import type { JobInHand } from './in-hand.ts';
import type { JobReport, JobReports } from './job-report.ts';
import type { ResultWriter } from './result-writer.ts';
import { packFor, runTask, type TaskInput, type TaskTools } from './tasks.ts';

export interface JobProcessorOptions {
  readonly buckets: Buckets;
  readonly maxPictureBytes: number;
  /** Jobs that are computed at once. */
  readonly concurrency: number;
  readonly deliveries: Deliveries;
  readonly results: ResultWriter;
  readonly attempts: AttemptLog;
  readonly reading: GuardedReading;
  readonly tools: TaskTools;
  readonly reports: JobReports;
  readonly instanceId: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Ten of these are few megabytes, ten of the largest would be a hundred and fifty. */
const LARGE_BYTES = 1024 * 1024;

/** A delivered message while it is worked off. */
interface Job {
  readonly delivery: QueueMessage;
  readonly message: JobMessage;
  readonly report: JobReport;
  /** As soon as it was read. */
  record?: JobRecord;
}

/** Its picture is not read yet. */
interface FoundInput {
  readonly record: JobRecord;
  readonly upload: StoredObject;
  readonly findMs: number;
}

interface FetchedInput extends Omit<TaskInput, 'gallery'> {
  readonly fetchMs: number;
}

/**
 * Works off one delivered message: fetch → recognise → store the result → answer → delete.
 *
 * The message is deleted last, so whatever dies in between, it comes again; whoever then finds the result stored
 * only answers. A failure that may pass gives the message back, any other becomes the result.
 */
export class JobProcessor {
  readonly #options: JobProcessorOptions;
  readonly #apart: Limiter;

  constructor(options: JobProcessorOptions) {
    this.#options = options;
    this.#apart = new Limiter(2 * options.concurrency);
  }

  /**
   * Never rejects; says whether the job has its result now. When `drain` aborts before recognition starts, the message
   * is given back at once.
   */
  async handle(delivery: QueueMessage, inHand: JobInHand, drain: AbortSignal): Promise<boolean> {
    const { deliveries, reports, logger } = this.#options;
    const message = this.#parse(delivery);
    try {
      if (message instanceof Error) {
        await this.#bury(delivery, message);
        return false;
      }
      return await this.#work({ delivery, message, report: reports.begin(message) }, inHand, drain);
    } catch (error) {
      const { receiveCount } = delivery;
      const facts = message instanceof Error ? { message: delivery.body } : logged(message);
      logger.warn({ ...facts, receiveCount, error: errorMessage(error) }, 'a job failed; again later');
      reports.retried();
      await deliveries.retryLater(delivery);
      return false;
    }
  }

  async #work(job: Job, inHand: JobInHand, drain: AbortSignal): Promise<boolean> {
    const { results, deliveries } = this.#options;
    deliveries.tellProgress(job.message, 'started');
    // Nobody can have finished what comes for the first time; should a repeat claim to be that, storing it shows.
    const existing = job.delivery.receiveCount > 1 ? await results.standing(job.message) : undefined;
    const found = existing ?? (await this.#resultOf(job, inHand, drain));
    if (found === 'not-started') {
      await deliveries.giveBack(job.delivery);
      return false;
    }
    inHand.moveTo('finishing');
    await inHand.finishTogether();
    deliveries.tellProgress(job.message, 'store');
    const result = existing ?? (await results.store(found, job.message));
    job.report.ended('save');
    await this.#close(job, result);
    return true;
  }

  /** Rejects only with what may pass. */
  async #resultOf(job: Job, inHand: JobInHand, drain: AbortSignal): Promise<JobResult | 'not-started'> {
    const start = async (input: FetchedInput) => {
      job.report.ended('fetch');
      if (drain.aborted) return 'not-started';
      inHand.moveTo('working');
      this.#options.deliveries.tellProgress(job.message, 'recognise');
      return this.#recognise(job, input);
    };
    try {
      return await this.#inCompany(job, start);
    } catch (error) {
      const failure = permanentFailure(error) ?? (await this.#unforeseen(error, job));
      if (failure === undefined) throw error;
      return this.#failed(job, failure);
    }
  }

  /** What the result says once the job has failed too often; until then undefined, and it is tried again. */
  async #unforeseen(error: unknown, { message }: Job): Promise<FailedResult['error'] | undefined> {
    if (isPassing(error)) return undefined;
    const { attempts, instanceId, logger } = this.#options;
    const text = errorMessage(error);
    try {
      const failures = await attempts.noteFailure(message.jobId, { instanceId, message: text });
      return failures < FAILURES_BEFORE_INTERNAL ? undefined : { code: 'internal', message: text };
    } catch (cause) {
      // Then this one is not counted.
      logger.warn({ ...logged(message), error: errorMessage(cause) }, 'a failure could not be noted');
      return undefined;
    }
  }

  /**
   * Starts the job beside whatever else is in hand, unless that could hurt the others: a repeat may be what killed its worker,
   * and with each that dies those count as suspects that were started; large pictures take memory. Of these only one is
   * worked on and the next fetched.
   */
  async #inCompany<T>(job: Job, start: (input: FetchedInput) => Promise<T>): Promise<T> {
    if (job.delivery.receiveCount > 1) {
      return this.#apart.run(async () => start(await this.#read(await this.#find(job))));
    }
    const found = await this.#find(job);
    const work = async () => start(await this.#read(found));
    return found.upload.info.sizeBytes > LARGE_BYTES ? this.#apart.run(work) : work();
  }

  /** Beside it the gallery is brought up to date: neither waits for the other. */
  async #find(job: Job): Promise<FoundInput> {
    const { buckets, results, tools } = this.#options;
    const startedAt = performance.now();
    const freshening = tools.galleries.main.watch.freshen();
    try {
      const fetched = await fetchJob(buckets, job.message.jobId, results.dialect);
      if (fetched !== undefined) job.record = fetched.record;
      if (fetched?.upload === undefined) throw new PictureGoneError();
      return { record: fetched.record, upload: fetched.upload, findMs: performance.now() - startedAt };
    } finally {
      await freshening;
    }
  }

  async #read({ record, upload, findMs }: FoundInput): Promise<FetchedInput> {
    const startedAt = performance.now();
    const pictures = record.task.kind === 'compare' ? 2 : 1;
    const picture = await upload.bytes(pictures * this.#options.maxPictureBytes);
    return { record, picture, fetchMs: findMs + performance.now() - startedAt };
  }

  #recognise(job: Job, fetched: FetchedInput): Promise<DoneResult> {
    const { galleries } = this.#options.tools;
    const work = (gallery: WorkerGallery) => this.#recogniseIn(job, { ...fetched, gallery });
    return galleries.use(galleryOf(fetched.record.task), work);
  }

  async #recogniseIn(job: Job, input: TaskInput & FetchedInput): Promise<DoneResult> {
    const { reading, tools, clock } = this.#options;
    const queueMs = Math.max(0, clock.now() - job.message.submittedAt);
    const suspect = {
      ...logged(job.message),
      packId: packFor(input.record.task, input.gallery),
      receiveCount: job.delivery.receiveCount,
    };
    const { timings, ...outcome } = await reading.run(suspect, (reader) => runTask(input, reader, tools));
    const result: DoneResult = {
      ...this.#resultBase(job),
      status: 'done',
      ...outcome,
      timings: { queueMs, fetchMs: input.fetchMs, ...timings },
    };
    job.report.recognised(result);
    return result;
  }

  #failed(job: Job, error: FailedResult['error']): FailedResult {
    return { ...this.#resultBase(job), status: 'failed', error };
  }

  #resultBase({ message, record }: Job) {
    return {
      version: JOB_FORMAT_VERSION,
      jobId: message.jobId,
      fileName: record?.fileName ?? '',
      kind: record?.task.kind ?? ('recognise' as const),
      submittedAt: message.submittedAt,
      finishedAt: this.#options.clock.now(),
      traceId: message.traceId,
      instanceId: this.#options.instanceId,
      ...(record !== undefined && galleryFact(record.task)),
    };
  }

  /** The result is stored: answer, tidy up, and delete the message last. */
  async #close({ delivery, message, report }: Job, result: JobResult): Promise<void> {
    const { deliveries, attempts, logger } = this.#options;
    const { jobId } = message;
    await deliveries.answer(message, result.status);
    report.ended('answer');
    report.finished(result);
    if (delivery.receiveCount > 1) await attempts.forget(jobId);
    if (result.status === 'failed') {
      logger.info({ ...logged(message), error: result.error }, 'a job failed for good');
      if (isForDeadLetters(result.error)) await deliveries.bury(delivery, result.error.message);
    }
    await deliveries.delete(delivery);
  }

  #parse(delivery: QueueMessage): JobMessage | Error {
    try {
      return parseMessage(delivery.body);
    } catch (error) {
      return error as Error;
    }
  }

  /** Nobody can answer it or store a result for it; the log line and the dead letter are all there is. */
  async #bury(delivery: QueueMessage, error: Error): Promise<void> {
    const { deliveries, logger } = this.#options;
    logger.error({ message: delivery.body, error: error.message }, 'a message nobody can read');
    await deliveries.bury(delivery, error.message);
    await deliveries.delete(delivery);
  }
}

/** What every line about a job carries, so that it is found from either end. */
function logged({ jobId, traceId }: JobMessage): { jobId: string; traceId: string } {
  return { jobId, traceId };
}
