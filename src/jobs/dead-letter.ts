import { JOB_FORMAT_VERSION } from './job.ts';

/** The message and why it died are more than the message alone. */
export const MAX_DEAD_LETTER_BYTES = 8192;

/** Characters of a reason that a dead letter keeps: escaped, and beside a message of 1,024 bytes, it stays within that limit. */
const MAX_REASON = 512;

/** A message that was taken out of circulation on purpose, with why. */
export interface DeadLetter {
  readonly version: number;
  /** The message's body as it was. */
  readonly message: string;
  readonly reason: string;
  /** Milliseconds since the epoch. */
  readonly diedAt: number;
  readonly instanceId?: string;
}

export function encodeDeadLetter(letter: Omit<DeadLetter, 'version'>): string {
  return JSON.stringify({
    version: JOB_FORMAT_VERSION,
    ...letter,
    reason: letter.reason.slice(0, MAX_REASON),
  });
}

/** A body of the dead-letter queue: one of ours, or the bare message that the queue itself moved there after too many receives. */
export function decodeDeadLetter(body: string): Omit<DeadLetter, 'version' | 'diedAt'> & { diedAt?: number } {
  try {
    const letter = JSON.parse(body) as Partial<DeadLetter> | null;
    if (typeof letter?.message === 'string' && typeof letter.reason === 'string') {
      return letter as DeadLetter;
    }
  } catch {
    // Not JSON: a body that nobody could read, moved as it was.
  }
  return { message: body, reason: 'received too often' };
}
