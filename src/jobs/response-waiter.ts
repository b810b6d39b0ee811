import { errorCode, errorMessage } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';
import type { QueueMessage } from '../ports/queue.ts';
import { JOB_STAGES, type JobAnswer, type JobStage } from './job.ts';
import { parseAnswer } from './messages.ts';
import type { ResponseQueue } from './response-queue.ts';

const POLL_SECONDS = 20;
const VISIBILITY_SECONDS = 30;
const RETRY_MS = 500;
/** Answers that came before anybody asked for them; older ones are found in the bucket. */
const MAX_EARLY_ANSWERS = 1024;
/** Jobs whose stage is known; of older ones nobody is told more than that they are queued. */
const MAX_STAGES = 4096;

export interface ResponseWaiterOptions {
  readonly responses: ResponseQueue;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Long-polls the response queue and wakes whoever waits for the job that an answer names. An answer is a hint, not
 * the truth: it may come twice, late or never, so waiters also look into the bucket now and then.
 */
export class ResponseWaiter implements AsyncDisposable {
  readonly #responses: ResponseQueue;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #early = new Set<string>();
  readonly #stages = new Map<string, JobStage>();
  readonly #deletions = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  readonly #polling: Promise<void>;

  constructor({ responses, clock, logger }: ResponseWaiterOptions) {
    this.#responses = responses;
    this.#clock = clock;
    this.#logger = logger;
    this.#polling = this.#poll();
  }

  /** The queue that answers have to go to. */
  get queueName(): string {
    return this.#responses.queue.name;
  }

  get isStopped(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Resolves when an answer for the job comes (or came before), the time is up, the signal aborts, or it is stopped. */
  async answered(jobId: string, milliseconds: number, signal?: AbortSignal): Promise<void> {
    if (this.#early.delete(jobId) || this.isStopped) return;
    const woken = new AbortController();
    // With a reason of its own: the default one is an exception with a stack, 10 µs each.
    const wake = () => woken.abort('answered');
    const waiters = this.#waiting.get(jobId) ?? new Set();
    this.#waiting.set(jobId, waiters.add(wake));
    signal?.addEventListener('abort', wake, { once: true });
    try {
      if (signal?.aborted !== true) await this.#clock.sleep(milliseconds, woken.signal);
    } finally {
      signal?.removeEventListener('abort', wake);
      waiters.delete(wake);
      if (waiters.size === 0 && this.#waiting.get(jobId) === waiters) this.#waiting.delete(jobId);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    for (const waiters of this.#waiting.values()) for (const wake of waiters) wake();
    await this.#polling;
    await Promise.all(this.#deletions);
  }

  async #poll(): Promise<void> {
    const { queue } = this.#responses;
    const options = {
      max: 10,
      waitSeconds: POLL_SECONDS,
      visibilityTimeoutSeconds: VISIBILITY_SECONDS,
      signal: this.#stop.signal,
    };
    let isFailing = false;
    while (!this.#stop.signal.aborted) {
      try {
        this.#take(await queue.receive(options));
        isFailing = false;
      } catch (error) {
        if (!isFailing) this.#logger.warn({ error: errorMessage(error) }, 'cannot read answers; trying on');
        isFailing = true;
        await this.#recover(error);
      }
    }
  }

  #take(messages: readonly QueueMessage[]): void {
    if (messages.length === 0) return;
    for (const message of messages) this.#wake(message);
    const deletion = this.#responses.queue
      .deleteBatch(messages.map(({ receipt }) => receipt))
      .catch((error: unknown) => {
        // They come again in half a minute and wake nobody.
        this.#logger.debug({ error: errorMessage(error) }, 'cannot delete answers');
      })
      .finally(() => this.#deletions.delete(deletion));
    this.#deletions.add(deletion);
  }

  #wake(message: QueueMessage): void {
    const answer = this.#read(message);
    if (answer === undefined) return;
    const { jobId, status, stage } = answer;
    if (status === 'working') this.#noteStage(jobId, stage);
    else this.#stages.delete(jobId);
    this.wake(jobId);
  }

  /** How far the job is known to be. */
  stageOf(jobId: string): JobStage | undefined {
    return this.#stages.get(jobId);
  }

  #noteStage(jobId: string, stage: JobStage | undefined): void {
    const order = (one: JobStage | undefined) => (one === undefined ? -1 : JOB_STAGES.indexOf(one));
    if (stage === undefined || order(stage) <= order(this.#stages.get(jobId))) return;
    this.#stages.set(jobId, stage);
    if (this.#stages.size > MAX_STAGES) this.#stages.delete(this.#stages.keys().next().value!);
  }

  /** There may be something new about the job: whoever waits looks. */
  wake(jobId: string): void {
    const waiters = this.#waiting.get(jobId);
    if (waiters === undefined) {
      this.#keepEarly(jobId);
      return;
    }
    for (const wake of waiters) wake();
  }

  #read(message: QueueMessage): JobAnswer | undefined {
    try {
      return parseAnswer(message.body);
    } catch (error) {
      this.#logger.warn({ error: errorMessage(error) }, 'dropped an answer that cannot be read');
      return undefined;
    }
  }

  #keepEarly(jobId: string): void {
    this.#early.add(jobId);
    if (this.#early.size <= MAX_EARLY_ANSWERS) return;
    for (const oldest of this.#early) {
      this.#early.delete(oldest);
      break;
    }
  }

  async #recover(error: unknown): Promise<void> {
    await this.#clock.sleep(RETRY_MS, this.#stop.signal);
    if (errorCode(error) !== 'not-found' || this.#stop.signal.aborted) return;
    await this.#responses.restore().catch((cause: unknown) => {
      this.#logger.warn({ error: errorMessage(cause) }, 'cannot make the response queue again');
    });
  }
}
