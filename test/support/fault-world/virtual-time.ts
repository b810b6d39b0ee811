import type { Clock } from '../../../src/ports/clock.ts';

interface Timer {
  readonly at: number;
  readonly serial: number;
  readonly fire: () => void;
}

/** Timers that fall into one such span fire in their order before what they wake runs: so a schedule takes milliseconds. */
const QUANTUM_MS = 250;

/** Time that costs nothing: it jumps from one timer to the next. */
export class VirtualTime {
  /** Milliseconds since the world began. */
  now = 0;
  #timers: Timer[] = [];
  #serial = 0;

  at(at: number, fire: () => void): () => void {
    const timer = { at: Math.max(at, this.now), serial: ++this.#serial, fire };
    // Few timers wait at a time, most of them for later than those before.
    let index = this.#timers.length;
    while (index > 0 && this.#timers[index - 1]!.at > timer.at) index--;
    this.#timers.splice(index, 0, timer);
    return () => {
      const found = this.#timers.indexOf(timer);
      if (found >= 0) this.#timers.splice(found, 1);
    };
  }

  after(milliseconds: number, fire: () => void): () => void {
    return this.at(this.now + milliseconds, fire);
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        signal?.removeEventListener('abort', cut);
        resolve();
      };
      const cancel = this.after(milliseconds, done);
      const cut = () => {
        cancel();
        done();
      };
      signal?.addEventListener('abort', cut);
    });
  }

  async advance(milliseconds: number): Promise<void> {
    const end = this.now + milliseconds;
    while (this.now < end) {
      const until = Math.min(end, this.now + QUANTUM_MS);
      do {
        while (this.#timers.length > 0 && this.#timers[0]!.at <= until) {
          const timer = this.#timers.shift()!;
          this.now = timer.at;
          timer.fire();
        }
        await settled();
      } while (this.#timers.length > 0 && this.#timers[0]!.at <= until);
      this.now = until;
    }
  }
}

/** Everything that only waited for promises has run. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The clock of one process, which may be wrong. */
export class ProcessClock implements Clock {
  readonly #time: VirtualTime;
  readonly #gate: () => Promise<void> | undefined;
  /** Added to what the time of day is. */
  offsetMs = 0;

  /** `gate`: what a process that is frozen, or dead, waits for. */
  constructor(time: VirtualTime, gate: () => Promise<void> | undefined) {
    this.#time = time;
    this.#gate = gate;
  }

  now(): number {
    return START + this.#time.now + this.offsetMs;
  }

  monotonic(): number {
    return this.#time.now;
  }

  async sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    await this.#time.sleep(milliseconds, signal);
    for (let gate = this.#gate(); gate !== undefined; gate = this.#gate()) await gate;
  }
}

/** Not at the beginning of an hour, so that few schedules meet one. */
export const START = Date.UTC(2026, 0, 1, 12, 10);
