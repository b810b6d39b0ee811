import { setImmediate } from 'node:timers/promises';

/**
 * Gathers what arrives in one turn of the event loop, or while a call is under way, and makes the next call of all of it:
 * alone, an item goes out at once; under load, calls grow as large as the far side is slow.
 */
export class Batcher<T> {
  readonly #call: (items: readonly T[]) => Promise<void>;
  #gathered: { item: T; resolve: () => void; reject: (error: unknown) => void }[] = [];
  #isCalling = false;

  constructor(call: (items: readonly T[]) => Promise<void>) {
    this.#call = call;
  }

  /** Resolves when the call that carried the item did, and rejects with its error. */
  add(item: T): Promise<void> {
    const done = new Promise<void>((resolve, reject) => {
      this.#gathered.push({ item, resolve, reject });
    });
    if (!this.#isCalling) void this.#drain();
    return done;
  }

  async #drain(): Promise<void> {
    this.#isCalling = true;
    await setImmediate();
    while (this.#gathered.length > 0) {
      const batch = this.#gathered;
      this.#gathered = [];
      try {
        await this.#call(batch.map(({ item }) => item));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#isCalling = false;
  }
}
