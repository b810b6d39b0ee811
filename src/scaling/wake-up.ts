import type { Clock } from '../ports/clock.ts';

/** A pause that can be cut short; a call that comes while nobody pauses cuts the next pause short. */
export class WakeUp {
  readonly #clock: Clock;
  #pending = new AbortController();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  call(): void {
    this.#pending.abort();
  }

  /** Resolves after the milliseconds, or at a call, or when the signal aborts. */
  async pause(milliseconds: number, signal: AbortSignal): Promise<void> {
    await this.#clock.sleep(milliseconds, AbortSignal.any([this.#pending.signal, signal]));
    if (this.#pending.signal.aborted) this.#pending = new AbortController();
  }
}
