import type { Clock } from '../ports/clock.ts';
import { backoffMs, type ScalingTimings } from './timings.ts';

/** Of the pause between two launches or starts in one slot. */
export const slotKey = (slot: number) => `slot ${slot}`;
/** Of the pause between two single tries while instances end before they are ready. */
export const PROBE = 'probe';

const FORGET_AFTER_MS = 30 * 60_000;
const MANY = 1000;

/** Keeps what failed, or need not be repeated every round, from being tried again too soon. */
export class Pacer {
  readonly #clock: Clock;
  readonly #timings: ScalingTimings;
  readonly #random: () => number;
  readonly #waits = new Map<string, { tries: number; dueAt: number }>();

  /** `random`, from 0 to 1, takes up to a half off every pause, so that what failed together is not tried again together. */
  constructor(clock: Clock, timings: ScalingTimings, random: () => number = () => 1) {
    this.#clock = clock;
    this.#timings = timings;
    this.#random = random;
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
    const { firstProbeMs, mostProbeMs } = this.#timings;
    const range =
      key === PROBE ? { firstBackoffMs: firstProbeMs, mostBackoffMs: mostProbeMs } : this.#timings;
    const waitMs = Math.round(backoffMs(tries, range) * (0.5 + this.#random() / 2));
    if (!this.#waits.has(key) && this.#waits.size >= MANY) this.#forgetOld();
    this.#waits.set(key, { tries, dueAt: this.#clock.monotonic() + waitMs });
    return waitMs;
  }

  clear(key: string): void {
    this.#waits.delete(key);
  }

  /** A pause that has long been over is none, and its instance may be long gone. */
  #forgetOld(): void {
    const before = this.#clock.monotonic() - FORGET_AFTER_MS;
    for (const [key, { dueAt }] of this.#waits) if (dueAt < before) this.#waits.delete(key);
  }
}
