import { errorMessage, UnavailableError } from '../../../errors.ts';

export interface BatchLineOptions<T> {
  /**
   * Carries out a batch; resolves to what became of each item, in order: undefined is well. Rejects when all of them failed.
   */
  readonly call: (items: readonly T[]) => Promise<readonly (Error | undefined)[]>;
  /** What the item weighs in a request. */
  readonly sizeBytes: (item: T) => number;
}

/** SQS's limits of a batch, with some room for what goes round each body. */
const MAX_ITEMS = 10;
const MAX_BYTES = 240 * 1024;
/** What comes within this goes together: a call costs 2 to 3 ms of processor, whether it carries one item or ten. */
const WINDOW_MS = 2;
/** Calls at once; what comes meanwhile waits, and makes fuller batches. */
const MAX_CALLS = 8;

interface Waiting<T> {
  readonly item: T;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Gathers single items into the batches that SQS takes. */
export class BatchLine<T> {
  readonly #options: BatchLineOptions<T>;
  #waiting: Waiting<T>[] = [];
  #timer: NodeJS.Timeout | undefined;
  #calls = 0;

  constructor(options: BatchLineOptions<T>) {
    this.#options = options;
  }

  /** Resolves when the item was carried out, and rejects with what became of it. */
  add(item: T): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (this.#waiting.length >= MAX_ITEMS) this.#depart();
      else this.#timer ??= setTimeout(() => this.#depart(), WINDOW_MS);
    });
  }

  #depart(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#waiting.length > 0 && this.#calls < MAX_CALLS) void this.#send(this.#next());
  }

  #next(): Waiting<T>[] {
    let bytes = 0;
    const tooMany = this.#waiting.findIndex(({ item }, index) => {
      bytes += this.#options.sizeBytes(item);
      return index > 0 && (index >= MAX_ITEMS || bytes > MAX_BYTES);
    });
    return this.#waiting.splice(0, tooMany < 0 ? this.#waiting.length : tooMany);
  }

  async #send(batch: readonly Waiting<T>[]): Promise<void> {
    this.#calls++;
    try {
      const outcomes = await this.#options.call(batch.map(({ item }) => item));
      for (const [index, { resolve, reject }] of batch.entries()) {
        const error = outcomes[index];
        if (error === undefined) resolve();
        else reject(error);
      }
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      this.#calls--;
      if (this.#waiting.length > 0 && this.#timer === undefined) this.#depart();
    }
  }
}

/** Rejects with the first failure, after all have come to an end. */
export async function allOf(promises: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(promises);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed === undefined) return;
  throw failed.reason instanceof Error ? failed.reason : new UnavailableError(errorMessage(failed.reason));
}
