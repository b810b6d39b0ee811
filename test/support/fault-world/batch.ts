import fc from 'fast-check';
import { judge } from './judge.ts';
import { type Schedule, schedules } from './schedule.ts';

export interface Batch {
  readonly seed: number;
  readonly count: number;
  /** Of a counterexample that was found before, to run that one alone. */
  readonly path?: string;
}

export interface BatchResult {
  readonly seed: number;
  /** Schedules that kept all promises. */
  readonly passed: number;
  readonly simulatedSeconds: number;
  readonly machines: number;
  readonly controllers: number;
  readonly jobs: number;
  readonly failure?: {
    readonly seed: number;
    readonly path: string;
    readonly reason: string;
    readonly schedule: Schedule;
  };
}

/** Runs so many random schedules, all of which follow from the seed, until one breaks a promise; that one is made as small as it goes. */
export async function runBatch({ seed, count, path }: Batch): Promise<BatchResult> {
  const sums = { passed: 0, simulatedSeconds: 0, machines: 0, controllers: 0, jobs: 0 };
  const property = fc.asyncProperty(schedules, async (schedule) => {
    const { simulatedSeconds, machines, controllers, jobs } = await judge(schedule);
    sums.passed++;
    sums.simulatedSeconds += simulatedSeconds;
    sums.machines += machines;
    sums.controllers += controllers;
    sums.jobs += jobs;
  });
  const details = await fc.check(property, { seed, numRuns: count, ...(path !== undefined && { path }) });
  if (!details.failed) return { seed, ...sums };
  const [schedule] = details.counterexample ?? [];
  if (schedule === undefined) throw details.errorInstance ?? new Error('the schedules could not be run');
  return {
    seed,
    ...sums,
    failure: {
      seed: details.seed,
      path: details.counterexamplePath ?? '',
      reason: String(details.errorInstance),
      schedule,
    },
  };
}
