/** Most instance-seconds that may be spent in a clock hour and a day (UTC); null for no cap. */
export interface SpendingCaps {
  readonly perHour: number | null;
  readonly perDay: number | null;
}

/** Instance-seconds spent in the present hour and day. */
export interface Spending {
  /** Counted until then, milliseconds since the epoch. */
  readonly at: number;
  readonly hour: SpendingWindow;
  readonly day: SpendingWindow;
}

interface SpendingWindow {
  /** Milliseconds since the epoch. */
  readonly start: number;
  readonly instanceSeconds: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export const noSpending: Spending = {
  at: 0,
  hour: { start: 0, instanceSeconds: 0 },
  day: { start: 0, instanceSeconds: 0 },
};

/**
 * Counts what so many instances have cost since it was last counted. The books change with every instance that comes
 * or goes, so this is exact over any absence of a controller.
 */
export function accrue(spending: Spending, living: number, now: number): Spending {
  // Books that never counted begin now.
  const since = spending.at === 0 ? now : spending.at;
  return {
    at: now,
    hour: accrueIn(spending.hour, HOUR_MS, { since, living, now }),
    day: accrueIn(spending.day, DAY_MS, { since, living, now }),
  };
}

function accrueIn(
  window: SpendingWindow,
  lengthMs: number,
  { since, living, now }: { since: number; living: number; now: number },
): SpendingWindow {
  const start = now - (now % lengthMs);
  // A clock that was set back does not give money back: the later window stays until its time comes, unless it is far off.
  const isSetBack = window.start > start && window.start - start <= lengthMs;
  const current = isSetBack || window.start === start ? window : { start, instanceSeconds: 0 };
  const spentMs = living * Math.max(0, now - Math.max(since, start));
  return { start: current.start, instanceSeconds: current.instanceSeconds + spentMs / 1000 };
}

/** How many more instances may be launched, each with so many instance-seconds reserved, on top of what is reserved already. */
export function affordable(
  spending: Spending,
  caps: SpendingCaps,
  { reservedSeconds, termSeconds }: { reservedSeconds: number; termSeconds: number },
): number {
  const rooms = [[caps.perHour, spending.hour] as const, [caps.perDay, spending.day] as const].map(
    ([cap, { instanceSeconds }]) =>
      cap === null ? Number.POSITIVE_INFINITY : cap - instanceSeconds - reservedSeconds,
  );
  return Math.max(0, Math.floor(Math.min(...rooms) / termSeconds));
}

/** Which cap is reached, for people: nothing more can be launched under it. */
export function reachedCap(
  spending: Spending,
  caps: SpendingCaps,
  parts: { reservedSeconds: number; termSeconds: number },
): string | undefined {
  const { perHour, perDay } = caps;
  if (affordable(spending, { perHour, perDay: null }, parts) === 0) {
    return `${Math.round(spending.hour.instanceSeconds)} of ${perHour} instance-seconds of this hour are spent, and ${Math.round(parts.reservedSeconds)} reserved`;
  }
  if (affordable(spending, { perHour: null, perDay }, parts) === 0) {
    return `${Math.round(spending.day.instanceSeconds)} of ${perDay} instance-seconds of this day are spent, and ${Math.round(parts.reservedSeconds)} reserved`;
  }
  return undefined;
}
