import type { Clock } from '../ports/clock.ts';

/** Finished jobs that wait for each other, so that syncs and calls are shared: until there are enough of them, or time is up. */
export class FinishingGroup {
  readonly #enough: number;
  readonly #released = Promise.withResolvers<void>();
  readonly #isOver = new AbortController();
  #jobs = 0;

  constructor({ enough, waitMs, clock }: { enough: number; waitMs: number; clock: Pick<Clock, 'sleep'> }) {
    this.#enough = enough;
    void clock.sleep(waitMs, this.#isOver.signal).then(() => this.release());
  }

  get isOver(): boolean {
    return this.#isOver.signal.aborted;
  }

  /** Resolves when the group is released. */
  join(): Promise<void> {
    this.#jobs++;
    if (this.#jobs >= this.#enough) this.release();
    return this.#released.promise;
  }

  release(): void {
    // With a reason of its own: the default one is an exception with a stack.
    this.#isOver.abort('released');
    this.#released.resolve();
  }
}
