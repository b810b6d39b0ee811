import type { Clock } from '../../ports/clock.ts';
import type { EventQueue } from './event-queue.ts';

const START = Date.UTC(2026, 0, 1);

/**
 * Lets promises live in virtual time: whatever is awaited is settled by an event, and what the awaiting code then does
 * it does before the next event.
 */
export class VirtualClock implements Clock {
  readonly #events: EventQueue;
  #isUnsettled = false;

  constructor(events: EventQueue) {
    this.#events = events;
  }

  now(): number {
    return START + this.monotonic();
  }

  monotonic(): number {
    return Math.round(this.#events.now * 1000);
  }

  sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        signal?.removeEventListener('abort', wake);
        this.#isUnsettled = true;
        resolve();
      };
      signal?.addEventListener('abort', wake, { once: true });
      this.#events.after(Math.max(0, milliseconds) / 1000, wake);
    });
  }

  /** Resolves so much later to what the deed gives then, or rejects with what it throws. */
  later<T>(seconds: number, deed: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#events.after(seconds, () => {
        this.#isUnsettled = true;
        try {
          resolve(deed());
        } catch (error) {
          reject(error);
        }
      });
    });
  }

  /** Code that awaits may have something to do in this moment. */
  touch(): void {
    this.#isUnsettled = true;
  }

  /** Lets all code go on that an event has woken. */
  async settle(): Promise<void> {
    while (this.#isUnsettled) {
      this.#isUnsettled = false;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
