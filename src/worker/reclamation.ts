import type { Clock } from '../ports/clock.ts';
import type { Machine, ReclaimNotice } from '../ports/machine.ts';
import type { Ending } from './ending.ts';

/** Before the machine is gone, so that what is in hand can still be given back. */
const LEAVE_EARLY_MS = 5000;

export interface ReclamationOptions {
  readonly machine: Machine;
  readonly ending: Ending;
  readonly clock: Clock;
}

/**
 * Drains the worker when its machine is to be taken away, or likely to be. If it has not finished shortly before the
 * machine goes, it leaves, and gives back what it has in hand.
 */
export class Reclamation implements AsyncDisposable {
  readonly #options: ReclamationOptions;
  readonly #stop = new AbortController();
  readonly #watching: Promise<void>;

  constructor(options: ReclamationOptions) {
    this.#options = options;
    this.#watching = this.#watch();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    const { machine, ending } = this.#options;
    for await (const notice of machine.notices(this.#stop.signal)) {
      const { kind, at } = notice;
      ending.drain('reclaimed', { notice: kind, ...(at && { at: at.toISOString() }) });
      if (at !== undefined) return this.#leaveBefore(at, notice);
    }
  }

  async #leaveBefore(at: Date, { kind }: ReclaimNotice): Promise<void> {
    const { clock, ending } = this.#options;
    await clock.sleep(at.getTime() - clock.now() - LEAVE_EARLY_MS, this.#stop.signal);
    if (!this.#stop.signal.aborted) ending.leave('reclaimed', { notice: kind });
  }
}
