import type { Clock } from '../../src/ports/clock.ts';

interface Sleeper {
  readonly wakeAt: number;
  readonly wake: () => void;
}

/**
 * A clock that stands still until the test advances it.
 *
 * `await clock.advance(5_000)` wakes every sleeper that is due within the five seconds, each at its own time, and lets
 * what it wakes run (and sleep again) before the next one.
 */
export class FakeClock implements Clock {
  #now: number;
  #monotonic = 0;
  readonly #sleepers = new Set<Sleeper>();
  readonly #watchers = new Set<() => void>();

  constructor(now: number | Date = Date.UTC(2026, 0, 1)) {
    this.#now = Number(now);
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      const sleeper = { wakeAt: this.#monotonic + Math.max(0, milliseconds), wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', wake, { once: true });
      for (const watch of [...this.#watchers]) watch();
    });
  }

  /** How many sleep now. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  /** Resolves as soon as at least `count` sleep: what the test waits for before it advances. */
  async untilSleeping(count = 1): Promise<void> {
    while (this.#sleepers.size < count) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#watchers.add(resolve);
      await promise;
      this.#watchers.delete(resolve);
    }
  }

  async advance(milliseconds: number): Promise<void> {
    const end = this.#monotonic + milliseconds;
    await runWhatIsReady();
    for (let next = this.#dueBy(end); next !== undefined; next = this.#dueBy(end)) {
      this.#moveTo(Math.max(next.wakeAt, this.#monotonic));
      next.wake();
      await runWhatIsReady();
    }
    this.#moveTo(end);
  }

  /** The machine's time is set; nobody wakes, and `monotonic` goes on as before. */
  setNow(now: number | Date): void {
    this.#now = Number(now);
  }

  #dueBy(end: number): Sleeper | undefined {
    const due = [...this.#sleepers].filter((sleeper) => sleeper.wakeAt <= end);
    return due.sort((a, b) => a.wakeAt - b.wakeAt)[0];
  }

  #moveTo(monotonic: number): void {
    this.#now += monotonic - this.#monotonic;
    this.#monotonic = monotonic;
  }
}

/** Two turns of the event loop: promises settle, and callbacks that they queue run too. */
async function runWhatIsReady(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
}
