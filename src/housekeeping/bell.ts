import type { Clock } from '../ports/clock.ts';
import { WakeUp } from '../scaling/wake-up.ts';

/** Calls chores that rest. One that is called while it works does not rest afterwards. */
export class Bell {
  readonly #wakeUps: ReadonlyMap<string, WakeUp>;

  constructor(clock: Clock, chores: readonly { readonly name: string }[]) {
    this.#wakeUps = new Map(chores.map(({ name }) => [name, new WakeUp(clock)]));
  }

  /** A name that is none is no error: whoever rings may be of another version. */
  ring(name: string): void {
    this.#wakeUps.get(name)?.call();
  }

  /** Resolves after the seconds, or when it is rung for that name, or when the signal aborts. */
  async wait(name: string, seconds: number, signal: AbortSignal): Promise<void> {
    await this.#wakeUps.get(name)?.pause(seconds * 1000, signal);
  }
}
