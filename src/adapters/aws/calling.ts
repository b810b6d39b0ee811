import { setTimeout as sleep } from 'node:timers/promises';
import { type FacefleetError, isTransient } from '../../errors.ts';
import { type AwsCall, translateAwsError } from './errors.ts';

/** A call that never gets through is given up after so many tries, or so long. */
const MAX_ATTEMPTS = 5;
const PATIENCE_MS = 30_000;
const FIRST_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 5000;
/** Being asked for fewer calls is answered with longer waits. */
const THROTTLED_FACTOR = 8;

export interface CallOptions {
  /** Between attempts: rejects with its reason. An attempt under way is left to end, since nobody could tell what became of it. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Calls AWS until it answers, and translates what it says when it will not. The SDK's own retries are off: they know
 * nothing of the caller's deadline, and hide that an earlier attempt may have been carried out.
 *
 * `attempt` is told its number, from 1.
 */
export async function callAws<T>(
  call: AwsCall,
  attempt: (number: number) => Promise<T>,
  { signal }: CallOptions = {},
): Promise<T> {
  const until = performance.now() + PATIENCE_MS;
  for (let number = 1; ; number++) {
    signal?.throwIfAborted();
    try {
      return await attempt(number);
    } catch (cause) {
      const error = translateAwsError(cause, call);
      const waitMs = backoffMs(number, error);
      const isFinal = number >= MAX_ATTEMPTS || performance.now() + waitMs > until;
      if (isFinal || !(isTransient(error) || isCorrected(cause))) throw error;
      await sleep(waitMs, undefined, { ...(signal && { signal }) }).catch(() => {});
    }
  }
}

/** Full jitter: clients that failed together do not come back together. */
function backoffMs(number: number, { code }: FacefleetError): number {
  const factor = code === 'throttled' ? THROTTLED_FACTOR : 1;
  return Math.random() * Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * factor * 2 ** (number - 1));
}

/** The SDK learns from the answer how far our clock is off and signs the next request accordingly. */
function isCorrected(error: unknown): boolean {
  const metadata = (error as { $metadata?: { clockSkewCorrected?: boolean } } | undefined)?.$metadata;
  return metadata?.clockSkewCorrected === true;
}
