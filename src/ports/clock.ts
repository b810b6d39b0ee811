/** Time, passed in so that tests can own it. */
export interface Clock {
  /** Milliseconds since the Unix epoch; steps when the machine's time is set. */
  now(): number;
  /** Milliseconds since some start; only goes forward and, where the system can tell, doesn't count sleep. */
  monotonic(): number;
  /** Resolves after `milliseconds`, or at once when the signal aborts (it never rejects). */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}
