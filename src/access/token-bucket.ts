import type { Clock } from '../ports/clock.ts';

const MINUTE_MS = 60_000;

/** Lets so many a minute through, in bursts up to as many. */
export class TokenBucket {
  readonly #perMinute: number;
  readonly #clock: Pick<Clock, 'monotonic'>;
  #tokens: number;
  #filledAt: number;

  constructor({ perMinute, clock }: { perMinute: number; clock: Pick<Clock, 'monotonic'> }) {
    this.#perMinute = perMinute;
    this.#clock = clock;
    this.#tokens = perMinute;
    this.#filledAt = clock.monotonic();
  }

  /** Takes one and returns 0, or the whole seconds after which there will be one. */
  take(): number {
    const now = this.#clock.monotonic();
    const grown = ((now - this.#filledAt) / MINUTE_MS) * this.#perMinute;
    this.#tokens = Math.min(this.#perMinute, this.#tokens + grown);
    this.#filledAt = now;
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return 0;
    }
    return Math.max(1, Math.ceil((((1 - this.#tokens) / this.#perMinute) * MINUTE_MS) / 1000));
  }
}
