import type { Plant } from './plant.ts';
import type { VirtualClock } from './virtual-clock.ts';

export interface Score {
  /** Instance-seconds that were paid for. */
  readonly costSeconds: number;
  readonly p50Seconds: number;
  readonly p95Seconds: number;
  readonly p99Seconds: number;
  readonly maxSeconds: number;
  /** Jobs that took longer than the target, or never ended. */
  readonly violations: number;
  readonly jobs: number;
  /** Launches and ends. */
  readonly actions: number;
  readonly peak: number;
}

/** After the last arrival a rule has so long to bring the fleet down; later it is charged no more. */
const AFTERMATH_SECONDS = 1800;

/** Runs until all jobs are done and nothing is up any more, or the aftermath is over. */
export async function runPlant(plant: Plant, sloSeconds: number, clock?: VirtualClock): Promise<Score> {
  const end = (plant.jobs.at(-1)?.arrivedAt ?? 0) + sloSeconds + AFTERMATH_SECONDS;
  while (plant.now < end && !(plant.isDone && plant.isDown)) {
    if (!plant.events.runNext()) break;
    if (clock !== undefined) await clock.settle();
  }
  return scoreOf(plant, sloSeconds);
}

function scoreOf(plant: Plant, sloSeconds: number): Score {
  const seconds = plant.jobs
    .map(({ arrivedAt, finishedAt }) =>
      Number.isNaN(finishedAt) ? Number.POSITIVE_INFINITY : finishedAt - arrivedAt,
    )
    .sort((one, other) => one - other);
  const at = (share: number) => seconds[Math.max(0, Math.ceil(share * seconds.length) - 1)] ?? 0;
  return {
    costSeconds: plant.costSeconds,
    p50Seconds: at(0.5),
    p95Seconds: at(0.95),
    p99Seconds: at(0.99),
    maxSeconds: at(1),
    violations: seconds.filter((one) => one > sloSeconds + 1e-9).length,
    jobs: seconds.length,
    actions: plant.launches + plant.ends,
    peak: plant.history.reduce((most, { up }) => Math.max(most, up), 0),
  };
}
