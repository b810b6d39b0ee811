import type { Clock } from '../ports/clock.ts';
import { backoffMs, type ScalingTimings } from './timings.ts';

/** Keeps what failed, or need not be repeated every round, from being tried again too soon. */
export class Pacer {
  readonly #clock: Clock;
  readonly #timings: ScalingTimings;
  readonly #waits = new Map<string, { tries: number; dueAt: number }>();

  constructor(clock: Clock, timings: ScalingTimings) {
    this.#clock = clock;
    this.#timings = timings;
  }

  isDue(key: string): boolean {
    const wait = this.#waits.get(key);
    return wait === undefined || this.#clock.monotonic() >= wait.dueAt;
  }

  /**
   * Puts the next try off, longer each time; `tries` overrides the count.
   *
   * @returns the milliseconds until then.
   */
  putOff(key: string, tries = (this.#waits.get(key)?.tries ?? 0) + 1): number {
    const waitMs = backoffMs(tries, this.#timings);
    this.#waits.set(key, { tries, dueAt: this.#clock.monotonic() + waitMs });
    return waitMs;
  }

  clear(key: string): void {
    this.#waits.delete(key);
  }
}
