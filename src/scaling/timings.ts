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
  /** One that says that it starts, for this long, never will. */
  readonly bootDeadlineMs: number;
  /** An instance whose drain takes longer is told to give its messages back, and this much later it is ended. */
  readonly drainDeadlineMs: number;
  readonly releaseMs: number;
  /** For this long after its launch an instance may be missing from the fleet's list. */
  readonly listingLagMs: number;
  /** What was asked for longer ago tells nothing about the present. */
  readonly staleMs: number;
  /** Between two tries of the same launch or end, doubling from the first to the most. */
  readonly firstBackoffMs: number;
  readonly mostBackoffMs: number;
  /** Between two single tries while instances end before they are ready, doubling likewise. */
  readonly firstProbeMs: number;
  readonly mostProbeMs: number;
  /** Instances that belong to no slot are left alone for so long after their launch. */
  readonly orphanMs: number;
  /** Whatever a leader before this one had under way has happened by then, or never will. */
  readonly predecessorMs: number;
  /** How often it is looked whether somebody else has changed the books. */
  readonly booksLookMs: number;
  /** A count that is not exact may be that old. */
  readonly depthLagMs: number;
  /** Two looks at counts that are not exact confirm each other when this lies between them. */
  readonly depthConfirmMs: number;
  /** For so long more capacity must have brought nothing before growth is stopped, and so long it stays stopped. */
  readonly judgeProgressMs: number;
  readonly holdProgressMs: number;
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
    bootDeadlineMs: Math.max(5 * 60_000, 10 * bootSeconds * 1000),
    drainDeadlineMs: 10 * 60_000,
    releaseMs: 5 * beatMs,
    staleMs: 10_000,
    firstBackoffMs: 500,
    mostBackoffMs: 60_000,
    firstProbeMs: 1000,
    mostProbeMs: 10 * 60_000,
    orphanMs: 60_000,
    predecessorMs: 60_000,
    booksLookMs: 1000,
    depthLagMs: 60_000,
    depthConfirmMs: 1000,
    judgeProgressMs: 60_000,
    holdProgressMs: 5 * 60_000,
  };
}

/** Doubles from the first with every failure (from 1) up to the most. */
export function backoffMs(
  failures: number,
  timings: Pick<ScalingTimings, 'firstBackoffMs' | 'mostBackoffMs'>,
): number {
  return Math.min(timings.mostBackoffMs, timings.firstBackoffMs * 2 ** Math.min(failures - 1, 30));
}
