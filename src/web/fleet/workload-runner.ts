import { errorMessage } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { Clock } from '../../ports/clock.ts';
import { runWorkload } from '../../workload/generator.ts';
import type { PictureSource } from '../../workload/pictures.ts';
import type { WorkloadReport } from '../../workload/report.ts';
import type { WorkloadStatus } from './workload-view.ts';

/** Each picture has some 200 KB, and stays for as long as uploads are kept. */
export const MOST_REQUESTS = 1000;
export const MOST_PER_SECOND = 50;
const MOST_AT_ONCE = 200;
const TIMEOUT_SECONDS = 120;

export interface WorkloadOrder {
  readonly url: string;
  readonly requests: number;
  readonly ratePerSecond: number;
  readonly apiKey: string | undefined;
}

export interface WorkloadRunnerOptions {
  readonly pictures: PictureSource;
  readonly clock: Clock;
  readonly logger: Logger;
  /** When it aborts, a run ends at once. */
  readonly closing: AbortSignal;
}

const NONE: WorkloadStatus = { state: 'none', requests: 0, ratePerSecond: 0, answered: 0, failed: 0 };

/** Runs the workload generator in this process, one run at a time. */
export class WorkloadRunner {
  readonly #options: WorkloadRunnerOptions;
  #status: WorkloadStatus = NONE;
  #stop = new AbortController();

  constructor(options: WorkloadRunnerOptions) {
    this.#options = options;
  }

  get status(): WorkloadStatus {
    return this.#status;
  }

  /** False when a run is under way. */
  start(order: WorkloadOrder): boolean {
    if (this.#status.state === 'running') return false;
    const { requests, ratePerSecond } = order;
    const startedAt = this.#options.clock.now();
    this.#stop = new AbortController();
    this.#status = { ...NONE, state: 'running', requests, ratePerSecond, startedAt };
    void this.#run(order, this.#stop.signal);
    return true;
  }

  stop(): void {
    this.#stop.abort();
  }

  async #run(order: WorkloadOrder, stop: AbortSignal): Promise<void> {
    const { pictures, clock, closing, logger } = this.#options;
    try {
      const report = await runWorkload({
        ...order,
        pictures,
        clock,
        concurrency: Math.min(MOST_AT_ONCE, order.requests),
        timeoutSeconds: TIMEOUT_SECONDS,
        signal: AbortSignal.any([stop, closing]),
        onFinished: ({ finished, failed }) => {
          this.#status = { ...this.#status, answered: finished, failed };
        },
      });
      this.#end(stop.aborted ? 'stopped' : 'finished', report);
    } catch (error) {
      logger.error({ error: errorMessage(error) }, 'the workload generator failed');
      this.#end('stopped');
    }
  }

  #end(state: 'finished' | 'stopped', report?: WorkloadReport): void {
    this.#status = { ...this.#status, state, endedAt: this.#options.clock.now() };
    if (report === undefined) return;
    const { requestsPerSecond, failuresByReason, latencyMs } = report;
    const { p50, p99, max } = latencyMs;
    const figures = { perSecond: requestsPerSecond, latencyMs: { p50, p99, max } };
    this.#status = { ...this.#status, ...figures, failures: { ...failuresByReason } };
  }
}
