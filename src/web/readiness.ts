import { errorMessage } from '../errors.ts';
import type { Buckets } from '../jobs/stores.ts';
import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';
import type { Queue } from '../ports/queue.ts';

const TIMEOUT_MS = 2000;
/** Asked more often, it tells what it last saw. */
const MAX_AGE_MS = 1000;
const PROBE_KEY = 'readiness-probe';

/** Why one failed is for the log, not for whoever asks. */
type Outcome = 'ok' | 'failed' | 'no answer';

export interface ReadinessParts {
  readonly requests: Queue;
  readonly buckets: Buckets;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface ReadinessReport {
  readonly isReady: boolean;
  readonly checks: Readonly<Record<'queue' | keyof Buckets, Outcome>>;
}

/** Looks whether queue and buckets answer within two seconds. */
export class Readiness {
  readonly #parts: ReadinessParts;
  #last: { report: Promise<ReadinessReport>; at: number } | undefined;

  constructor(parts: ReadinessParts) {
    this.#parts = parts;
  }

  check(): Promise<ReadinessReport> {
    const now = this.#parts.clock.monotonic();
    if (this.#last === undefined || now - this.#last.at > MAX_AGE_MS) {
      this.#last = { report: this.#look(), at: now };
    }
    return this.#last.report;
  }

  async #look(): Promise<ReadinessReport> {
    const { requests, buckets } = this.#parts;
    const [queue, input, output, state] = await Promise.all([
      this.#outcome('queue', requests.depth()),
      this.#outcome('input', buckets.input.head(PROBE_KEY)),
      this.#outcome('output', buckets.output.head(PROBE_KEY)),
      this.#outcome('state', buckets.state.head(PROBE_KEY)),
    ]);
    const checks = { queue, input, output, state };
    return { isReady: Object.values(checks).every((outcome) => outcome === 'ok'), checks };
  }

  async #outcome(part: string, call: Promise<unknown>): Promise<Outcome> {
    const over = new AbortController();
    const timeout = this.#parts.clock.sleep(TIMEOUT_MS, over.signal).then(() => 'no answer' as const);
    const outcome = call.then(
      () => 'ok' as const,
      (error: unknown) => {
        this.#parts.logger.warn({ part, error: errorMessage(error) }, 'not ready');
        return 'failed' as const;
      },
    );
    return Promise.race([outcome, timeout]).finally(() => over.abort());
  }
}
