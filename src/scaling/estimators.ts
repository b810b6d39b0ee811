import type { Heartbeat } from './heartbeat.ts';
import type { NotedBeat } from './heartbeat-book.ts';
import type { ArrivalBin, BootSource } from './policy.ts';

/** Until an instance has said how long a job takes. Rather too long: too many instances cost less than too few. */
export const DEFAULT_SERVICE_SECONDS = 0.05;
const LEAST_SERVICE_SECONDS = 0.001;

/**
 * Seconds of work per job: the mean of what the instances say of their last jobs, or, while none has worked, what was
 * known before.
 */
export function estimateServiceSeconds(beats: readonly Heartbeat[], previous: number): number {
  const told = beats.map(({ serviceSeconds }) => serviceSeconds).filter((seconds) => seconds > 0);
  if (told.length === 0) return previous;
  const mean = told.reduce((sum, seconds) => sum + seconds, 0) / told.length;
  return Math.max(LEAST_SERVICE_SECONDS, mean);
}

/** Jobs an instance works on at once: what the instances say, or, while there are none, what they are configured for. */
export function estimateConcurrency(beats: readonly Heartbeat[], configured: number): number {
  const told = beats.map(({ concurrency }) => concurrency);
  return told.length === 0 ? configured : Math.min(...told);
}

/** Seconds that the last boots took, oldest first. */
export type Boots = Readonly<Record<BootSource, readonly number[]>>;

export const NO_BOOTS: Boots = { launch: [], start: [] };
const BOOTS_KEPT = 20;

export function withBoot(boots: Boots, source: BootSource, seconds: number): Boots {
  return { ...boots, [source]: [...boots[source], seconds].slice(-BOOTS_KEPT) };
}

/**
 * As long as a boot nearly always takes at most: the 90th percentile of the last ones, and beyond it as much again as it
 * is above the median, so that steady boots cost no reserve. Before the first, what is configured.
 */
export function estimateBootSeconds(boots: Boots, configured: number): Record<BootSource, number> {
  const of = (samples: readonly number[]) => {
    if (samples.length === 0) return undefined;
    const most = percentile(samples, 0.9);
    return most + (most - percentile(samples, 0.5));
  };
  const launch = of(boots.launch) ?? configured;
  // A stopped one has all that a launched one has, and its image on its disk.
  return { launch, start: of(boots.start) ?? launch };
}

function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

/** One look at the work: everything that waits or is in hand, and everything that was ever finished. */
export interface WorkCount {
  readonly nowMs: number;
  readonly backlog: number;
  readonly completed: number;
}

/**
 * Tells arrivals from two counts: what came is what there is more of, waiting or finished, than at the last look. A count
 * that falls short (jobs vanished, heartbeats late) is taken from what comes next.
 */
export class ArrivalLog {
  #last: WorkCount | undefined;
  #owed = 0;
  #bins: { atMs: number; count: number }[] = [];

  /** @returns those of the last so many seconds, and those before that may still wait; oldest first. */
  note(now: WorkCount, keptSeconds: number): ArrivalBin[] {
    const last = this.#last ?? { ...now, backlog: 0 };
    this.#last = now;
    const came = now.backlog - last.backlog + (now.completed - last.completed) + this.#owed;
    this.#owed = Math.min(0, came);
    if (came > 0) this.#bins.push({ atMs: now.nowMs, count: came });
    this.#forget(now, keptSeconds);
    return this.recent(now.nowMs);
  }

  recent(nowMs: number): ArrivalBin[] {
    return this.#bins.map(({ atMs, count }) => ({ ageSeconds: (nowMs - atMs) / 1000, count }));
  }

  /** What came long ago, unless it may be what still waits: the last that came. */
  #forget({ nowMs, backlog }: WorkCount, keptSeconds: number): void {
    const since = nowMs - keptSeconds * 1000;
    let younger = this.#bins.reduce((sum, { count }) => sum + count, 0);
    let gone = 0;
    for (const { atMs, count } of this.#bins) {
      younger -= count;
      if (atMs >= since || younger < backlog) break;
      gone++;
    }
    this.#bins = this.#bins.slice(gone);
  }
}

export interface UntoldBasis {
  readonly nowMs: number;
  /** Since when jobs have been waiting; undefined: none is. */
  readonly waitingSinceMs: number | undefined;
  readonly serviceSeconds: number;
  /** Between two heartbeats. */
  readonly beatMs: number;
}

/**
 * Jobs that instances have most likely finished since they last told how many. While others wait, whoever works takes
 * the next one at once. Without these a fleet that shrinks, and has less and less untold, would seem to be sent jobs.
 */
export function untoldCompletions(
  noted: readonly NotedBeat[],
  { nowMs, waitingSinceMs, serviceSeconds, beatMs }: UntoldBasis,
): number {
  if (waitingSinceMs === undefined) return 0;
  const jobs = noted.map(({ beat, at }) => {
    if (beat.state !== 'running') return 0;
    // One that is late may be gone.
    const ms = Math.min(1.5 * beatMs, nowMs - Math.max(at, waitingSinceMs));
    return (beat.busy * ms) / 1000 / serviceSeconds;
  });
  return Math.floor(jobs.reduce((sum, one) => sum + one, 0));
}

/** Adds up what instances say they have finished, each since its own start, whichever come and go. */
export class CompletionCount {
  readonly #known = new Map<string, number>();
  #total = 0;

  note(beats: readonly Heartbeat[]): number {
    for (const { instanceId, done } of beats) {
      // Whatever one had done before it was first heard of came and went before anybody looked.
      const before = this.#known.get(instanceId) ?? done;
      // One that restarted in place counts from 0 again.
      this.#total += done >= before ? done - before : done;
      this.#known.delete(instanceId);
      this.#known.set(instanceId, done);
    }
    this.#forget();
    return this.#total;
  }

  /** An instance silent for so long that hundreds of others have come since is not heard again. */
  #forget(): void {
    const surplus = this.#known.size - 4096;
    for (const id of [...this.#known.keys()].slice(0, Math.max(0, surplus))) this.#known.delete(id);
  }
}
