export interface BackoffShape {
  readonly firstSeconds: number;
  readonly maxSeconds: number;
}

/** Doubles with every attempt (from 1) up to the maximum; jitter takes up to half of it away, so that many failing at once don't come back at once. */
export function backoffSeconds(
  attempt: number,
  { firstSeconds, maxSeconds }: BackoffShape,
  random: () => number = Math.random,
): number {
  const full = Math.min(maxSeconds, firstSeconds * 2 ** Math.min(attempt - 1, 30));
  return full * (1 - random() / 2);
}
