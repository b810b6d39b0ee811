import type { Observed, ObservedInstance, ScalingLimits } from '../policy.ts';

/** Of the latency target, for what nobody can foresee. */
const RESERVE = 0.01;

/** Arrivals are told from counts up to so much too late: heartbeats that tell what was done lag behind the queue. */
const MOST_SHIFT_SECONDS = 3;

/** So many jobs, counted from the most urgent one, must be done in so many seconds from now. Negative: they are late. */
export interface Due {
  readonly inSeconds: number;
  readonly jobs: number;
}

/** What waits or is in hand. */
export function backlogOf({ queue }: Observed): number {
  return queue === undefined ? 0 : queue.visible + queue.inFlight + queue.delayed;
}

/**
 * The backlog by urgency. The queue is worked off in the order of arrival, so what is left is what came last; jobs that
 * nobody saw come (counts err) are as old as the oldest that somebody saw, or due when nobody saw any. Where the queue tells its oldest job's age, one is
 * as old, and the others a little older than they seemed.
 */
export function dues(observed: Observed, limits: ScalingLimits): Due[] {
  const { arrivals, queue, serviceSeconds } = observed;
  // A job counted now came since the last look; and what is fluid below is one whole job at the end.
  const target = limits.sloSeconds * (1 - RESERVE) - limits.lookSeconds / 2 - serviceSeconds;
  const groups: { ageSeconds: number; count: number }[] = [];
  let left = backlogOf(observed);
  for (let index = arrivals.length - 1; index >= 0 && left > 0; index--) {
    const { ageSeconds, count } = arrivals[index]!;
    groups.push({ ageSeconds, count: Math.min(left, count) });
    left -= count;
  }
  const eldest = groups.at(-1)?.ageSeconds ?? limits.sloSeconds;
  if (left > 0) groups.push({ ageSeconds: eldest, count: left });
  groups.reverse();
  const oldest = queue?.oldestAgeSeconds ?? 0;
  const shift = Math.min(MOST_SHIFT_SECONDS, Math.max(0, oldest - (groups[0]?.ageSeconds ?? 0)));
  if (groups.length > 0 && oldest > groups[0]!.ageSeconds + shift) {
    groups[0] = { ...groups[0]!, count: Math.max(0, groups[0]!.count - 1) };
    groups.unshift({ ageSeconds: oldest - shift, count: 1 });
  }
  let jobs = 0;
  return groups.map(({ ageSeconds, count }) => {
    jobs += count;
    return { inSeconds: target - ageSeconds - shift, jobs };
  });
}

/** Jobs a second that one instance works off. */
export function paceOf({ concurrency, serviceSeconds }: Observed): number {
  return concurrency / serviceSeconds;
}

/** Seconds until each instance works; Infinity for one that takes so long to boot that it cannot be counted on. */
export function etas(instances: readonly ObservedInstance[], observed: Observed): number[] {
  return instances.map(({ phase, ageSeconds, source }) => {
    if (phase !== 'booting') return 0;
    const boot = observed.bootSeconds[source];
    if (ageSeconds <= boot) return boot - ageSeconds;
    // Late by so much, it is expected to be late by as much again.
    return ageSeconds > 2 * boot ? Number.POSITIVE_INFINITY : ageSeconds - boot;
  });
}

/** Jobs that these instances have worked off in so many seconds. */
export function capacity(readyIn: readonly number[], seconds: number, pace: number): number {
  let sum = 0;
  for (const eta of readyIn) sum += pace * Math.max(0, seconds - eta);
  return sum;
}

/** Arrivals a second in slices of time, the latest first. */
export function ratesOf({ arrivals }: Observed, slices: number, sliceSeconds: number): number[] {
  const rates = new Array<number>(slices).fill(0);
  for (const { ageSeconds, count } of arrivals) {
    const slice = Math.floor(ageSeconds / sliceSeconds);
    if (slice < slices) rates[slice]! += count / sliceSeconds;
  }
  return rates;
}
