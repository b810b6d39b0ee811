/** Time, passed in so that tests can own it. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds that only go forward and, where the system can tell, don't count sleep. */
  monotonic(): number;
  /** Resolves after `milliseconds`, or at once when the signal aborts (it never rejects). */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}
