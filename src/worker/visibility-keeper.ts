import { errorMessage } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';
import type { Queue } from '../ports/queue.ts';

export interface VisibilityKeeperOptions {
  readonly queue: Queue;
  readonly timeoutSeconds: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Keeps the messages that this worker holds hidden from the others. Every third of the timeout it extends all of them,
 * so that two extensions may fail before a message comes to somebody else as well.
 */
export class VisibilityKeeper implements AsyncDisposable {
  readonly #options: VisibilityKeeperOptions;
  readonly #held = new Set<string>();
  readonly #stop = new AbortController();
  readonly #ticking: Promise<void>;

  constructor(options: VisibilityKeeperOptions) {
    this.#options = options;
    this.#ticking = this.#tick();
  }

  /** Until disposed, the message of this receipt stays hidden. */
  hold(receipt: string): Disposable {
    this.#held.add(receipt);
    return { [Symbol.dispose]: () => void this.#held.delete(receipt) };
  }

  /** Lets everybody else have at once what is held; nothing is extended any more. */
  async giveBackAll(): Promise<void> {
    this.#stop.abort();
    await this.#ticking;
    await Promise.all([...this.#held].map((receipt) => this.#giveBack(receipt)));
    this.#held.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#ticking;
  }

  async #tick(): Promise<void> {
    const { clock, timeoutSeconds } = this.#options;
    for (;;) {
      await clock.sleep((timeoutSeconds * 1000) / 3, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      await Promise.all([...this.#held].map((receipt) => this.#extend(receipt)));
    }
  }

  async #giveBack(receipt: string): Promise<void> {
    const { queue, logger } = this.#options;
    try {
      await queue.release(receipt);
    } catch (error) {
      // Then it comes again when its visibility timeout has passed.
      logger.warn({ error: errorMessage(error) }, 'a message could not be given back');
    }
  }

  async #extend(receipt: string): Promise<void> {
    const { queue, timeoutSeconds, logger } = this.#options;
    try {
      await queue.extend(receipt, timeoutSeconds);
    } catch (error) {
      // The next third tries again; after that the message repeats, which every receiver tolerates.
      logger.warn({ error: errorMessage(error) }, 'a message could not be kept hidden');
    }
  }
}
