import type { Config } from '../config.ts';
import { errorMessage } from '../errors.ts';
import type { JobResult } from '../jobs/job.ts';
import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';
import type { Queue } from '../ports/queue.ts';
import { HttpProblem } from './problem.ts';

/** How old the known depth of the queue may get. */
const DEPTH_AGE_MS = 1000;
/** The weight of a new service time in the running mean. */
const LEARNING_RATE = 0.05;
/** One client (a key, or an address without keys) may have this many requests open. */
const MAX_OPEN_PER_CALLER = 2000;
const MAX_RETRY_AFTER_SECONDS = 600;

export interface AdmissionOptions {
  readonly requests: Queue;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly capacity: Pick<Config, 'maxWorkers' | 'concurrency' | 'bootSeconds'>;
  /** A job that can't be done within this time is not taken. */
  readonly horizonSeconds: number;
}

/**
 * Decides whether a further job is taken. What counts is what the fleet could do at its largest, not how many workers
 * run now: an elastic service that is asked to do more starts more.
 */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #open = new Map<string, number>();
  #serviceSeconds: number | undefined;
  #depth = { jobs: 0, readAt: Number.NEGATIVE_INFINITY };
  #reading: Promise<void> | undefined;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Seconds of work per job, learned from results; undefined before the first. */
  get serviceSeconds(): number | undefined {
    return this.#serviceSeconds;
  }

  /**
   * Takes a request in; dispose of what it resolves to when the request is answered.
   *
   * @throws HttpProblem 429 when this caller has too many open, 503 with Retry-After when the backlog is too long.
   */
  async admit(caller: string): Promise<Disposable> {
    const ticket = this.#enter(caller);
    try {
      await this.#checkBacklog();
      return ticket;
    } catch (error) {
      ticket[Symbol.dispose]();
      throw error;
    }
  }

  /** Counts a job that went to the queue after its depth was last read. */
  accepted(): void {
    this.#depth.jobs++;
  }

  /** Learns from the time that a worker spent on a job. */
  learn(result: JobResult): void {
    if (result.status !== 'done') return;
    const { fetchMs = 0, decodeMs = 0, detectMs = 0, embedMs = 0, matchMs = 0 } = result.timings;
    const seconds = (fetchMs + decodeMs + detectMs + embedMs + matchMs) / 1000;
    const known = this.#serviceSeconds ?? seconds;
    this.#serviceSeconds = known + LEARNING_RATE * (seconds - known);
  }

  #enter(caller: string): Disposable {
    const open = (this.#open.get(caller) ?? 0) + 1;
    if (open > MAX_OPEN_PER_CALLER) {
      throw new HttpProblem(429, `more than ${MAX_OPEN_PER_CALLER} requests of yours are open`, {
        headers: { 'Retry-After': '1' },
      });
    }
    this.#open.set(caller, open);
    return { [Symbol.dispose]: () => this.#leave(caller) };
  }

  #leave(caller: string): void {
    const open = (this.#open.get(caller) ?? 1) - 1;
    if (open === 0) this.#open.delete(caller);
    else this.#open.set(caller, open);
  }

  async #checkBacklog(): Promise<void> {
    if (this.#serviceSeconds === undefined) return;
    await this.#refreshDepth();
    const { capacity, horizonSeconds } = this.#options;
    const atOnce = capacity.maxWorkers * capacity.concurrency;
    const neededSeconds = capacity.bootSeconds + ((this.#depth.jobs + 1) * this.#serviceSeconds) / atOnce;
    const excessSeconds = neededSeconds - horizonSeconds;
    if (excessSeconds <= 0) return;
    const retryAfter = Math.min(MAX_RETRY_AFTER_SECONDS, Math.ceil(excessSeconds));
    throw new HttpProblem(503, `more is waiting than can be worked off within ${horizonSeconds} s`, {
      headers: { 'Retry-After': String(retryAfter) },
    });
  }

  async #refreshDepth(): Promise<void> {
    if (this.#options.clock.monotonic() - this.#depth.readAt < DEPTH_AGE_MS) return;
    this.#reading ??= this.#readDepth().finally(() => {
      this.#reading = undefined;
    });
    await this.#reading;
  }

  async #readDepth(): Promise<void> {
    const { requests, clock, logger } = this.#options;
    try {
      const { visible, inFlight, delayed } = await requests.depth();
      this.#depth = { jobs: visible + inFlight + delayed, readAt: clock.monotonic() };
    } catch (error) {
      // Without knowing better the job is let in; sending it will tell whether the queue is there.
      logger.warn({ error: errorMessage(error) }, 'cannot read the depth of the queue');
      this.#depth = { jobs: 0, readAt: clock.monotonic() };
    }
  }
}
