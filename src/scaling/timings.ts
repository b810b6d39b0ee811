/** How long the controller waits for what. Milliseconds throughout. */
export interface ScalingTimings {
  /** From one round to the next, unless it is woken. */
  readonly roundMs: number;
  /** A lease on the leadership, how often it is renewed, and how much must be left of it for a change to be made. */
  readonly leaseMs: number;
  readonly renewMs: number;
  readonly leaseMarginMs: number;
  /** How often instances tell how they are. */
  readonly beatMs: number;
  /** An instance that has been silent for this long is lost: a visibility timeout, so that its messages are others', and three beats. */
  readonly lossMs: number;
  /** How much longer an instance may be silent that has not booted yet. */
  readonly bootMs: number;
  /** A drain that takes longer is cut short. */
  readonly drainDeadlineMs: number;
  /** For this long after its launch an instance may be missing from the fleet's list. */
  readonly listingLagMs: number;
  /** Between two tries of the same launch or end, doubling from the first to the most. */
  readonly firstBackoffMs: number;
  readonly mostBackoffMs: number;
}

export interface TimingBasis {
  readonly roundMs: number;
  readonly listingLagMs: number;
  readonly visibilityTimeoutSeconds: number;
  readonly bootSeconds: number;
}

export function scalingTimings(basis: TimingBasis): ScalingTimings {
  const { roundMs, listingLagMs, visibilityTimeoutSeconds, bootSeconds } = basis;
  const beatMs = 2000;
  return {
    roundMs,
    listingLagMs,
    leaseMs: 15_000,
    renewMs: 5000,
    leaseMarginMs: 3000,
    beatMs,
    lossMs: visibilityTimeoutSeconds * 1000 + 3 * beatMs,
    bootMs: bootSeconds * 1000,
    drainDeadlineMs: 10 * 60_000,
    firstBackoffMs: 500,
    mostBackoffMs: 60_000,
  };
}

/** Doubles from the first with every failure (from 1) up to the most. */
export function backoffMs(
  failures: number,
  timings: Pick<ScalingTimings, 'firstBackoffMs' | 'mostBackoffMs'>,
): number {
  return Math.min(timings.mostBackoffMs, timings.firstBackoffMs * 2 ** Math.min(failures - 1, 30));
}
