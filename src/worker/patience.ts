import type { QueueMessage } from '../ports/queue.ts';

/** Of the time that a job has waited in the queue, it may be kept so much longer for the company of others. */
const SHARE = 1 / 3;
/** However long the queue, and however the clocks of this machine and the queue's differ. */
const MOST_MS = 300;

/**
 * How long jobs may be kept so that they can be fetched, recognised and finished together, which costs less for each: nothing
 * when the queue is empty, more the longer jobs wait in it anyway. So nobody who is in a hurry pays for it.
 */
export class Patience {
  #ms = 0;

  get ms(): number {
    return this.#ms;
  }

  /** What was received, at `now` in milliseconds since the epoch. Repeats tell nothing: they waited for other reasons. */
  note(messages: readonly QueueMessage[], now: number): void {
    const fresh = messages.filter(({ receiveCount }) => receiveCount <= 1);
    if (fresh.length === 0 && messages.length > 0) return;
    const waitedMs = Math.min(...fresh.map(({ sentAt }) => now - sentAt.getTime()));
    this.#ms = fresh.length === 0 ? 0 : Math.min(MOST_MS, Math.max(0, waitedMs * SHARE));
  }
}
