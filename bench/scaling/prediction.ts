import { pino } from 'pino';
import { CANONICAL_SCENARIO, runPolicy, type Scenario } from '../../src/scaling/simulator/simulation.ts';
import { controllerLines, courseOf, type FleetCourse } from './fleet-course.ts';

/** What a simulated fleet does, as a rule: heartbeats come when they come, so that no two runs are alike. */
export type Prediction = FleetCourse;

/** As is the default. */
export const IDLE_SECONDS = 10;

/** What differs from one machine to the next, and is measured there. */
export type Measured = Pick<
  Scenario,
  'arrivals' | 'serviceSeconds' | 'bootSeconds' | 'bootSpread' | 'maxInstances'
>;

/**
 * As a service on one machine is by itself: only its processes' time counts, calls take milliseconds, and the poll of a
 * worker that is told to drain is called back.
 */
const ONE_MACHINE: Omit<Scenario, keyof Measured | 'seed'> = {
  ...CANONICAL_SCENARIO,
  sloSeconds: 2,
  billingMinimumSeconds: 0,
  idleSeconds: IDLE_SECONDS,
  lookSeconds: 0.25,
  pollSeconds: 0,
  faults: { ...CANONICAL_SCENARIO.faults, callSeconds: 0.005 },
};

/** Of chance, above all of the moments at which workers tell how they are. */
const SEEDS = 15;

/** What a simulated fleet does, as a rule. Told by the controller's own words, as a real one tells it. */
export async function predict(measured: Measured): Promise<FleetCourse> {
  const courses: FleetCourse[] = [];
  for (let seed = 1; seed <= SEEDS; seed++)
    courses.push(await courseOfOne({ ...ONE_MACHINE, ...measured, seed }));
  const inTheMiddle = (of: (course: FleetCourse) => number) => median(courses.map(of));
  courses.sort((one, other) => one.zeroSeconds - other.zeroSeconds);
  return {
    // One cannot draw a median: the course that comes to zero when most do.
    ...courses[Math.floor(SEEDS / 2)]!,
    firstWorkerSeconds: inTheMiddle(({ firstWorkerSeconds }) => firstWorkerSeconds),
    peak: inTheMiddle(({ peak }) => peak),
    instanceSeconds: inTheMiddle(({ instanceSeconds }) => instanceSeconds),
  };
}

/** Of boots that were seen: what they take, and how much they scatter, as the simulator wants to know it. */
export function bootsOf(seconds: readonly number[]): Pick<Measured, 'bootSeconds' | 'bootSpread'> {
  const logarithms = seconds.map(Math.log);
  const mean = logarithms.reduce((sum, one) => sum + one, 0) / logarithms.length;
  const squares = logarithms.reduce((sum, one) => sum + (one - mean) ** 2, 0);
  return {
    bootSeconds: Math.exp(mean),
    bootSpread: Math.sqrt(squares / Math.max(1, logarithms.length - 1)),
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}

async function courseOfOne(scenario: Scenario): Promise<FleetCourse> {
  const lines: string[] = [];
  let since = 0;
  await runPolicy(scenario, 'slo', (clock) => {
    since = clock.now();
    const timestamp = () => `,"time":${clock.now()}`;
    return pino({ timestamp }, { write: (line) => lines.push(line) });
  });
  return courseOf(controllerLines(lines.join('')), since);
}
