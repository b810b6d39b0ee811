/**
 * `npm run bench:scaling-live`: the controller with real worker processes beside what the simulator predicts for the very
 * same arrivals: a burst of 500 pictures after idleness, and a slow ramp. Takes some six minutes.
 *
 * Each is played twice to learn from, and then several times to be judged by: the simulator, with the settings that a
 * service has on one machine, gets the arrivals, and from the runs before it the seconds that a picture took a worker in
 * a burst, and the first boots of its own kind. Nothing that the run itself shows goes into its prediction.
 *
 * Then a service with the preset `course` has bursts of 100: all its workers are to be gone within 5 s of the last answer.
 *
 * `--rounds N` judges by so many runs of each (their median, default 3); `--chart FILE` writes one page with observed and
 * predicted instances over time, `--svg FOLDER` each as a picture; `--json` ends with one JSON line. Exits with 1 when time to
 * the first worker, peak or time to zero are more than 20 % apart, or the course's workers stayed for longer.
 */
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type FleetCourse, secondsAPicture } from './scaling/fleet-course.ts';
import { chartPage, svgOfRuns } from './scaling/live-chart.ts';
import { LiveService } from './scaling/live-service.ts';
import { bootsOf, IDLE_SECONDS, median, predict } from './scaling/prediction.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    chart: { type: 'string' },
    svg: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
if (values.help || !Number.isSafeInteger(rounds) || rounds < 1) {
  console.log('npm run bench:scaling-live -- [--rounds N] [--chart FILE] [--svg FOLDER] [--json]');
  process.exit(values.help ? 0 : 2);
}

const MOST_DEVIATION = 0.2;
/** After which the course's rule has stopped all. */
const COURSE_SECONDS = 5;
const COURSE_PICTURES = 100;
const RAMP_SECONDS = 45;
/** More than one worker can do, which is 60 to 75 a second: where one is just enough, chance decides whether a second comes. */
const RAMP_TO_PER_SECOND = 90;
const RAMP_PICTURES = (RAMP_SECONDS * RAMP_TO_PER_SECOND) / 2;
const LEARNING_RUNS = 2;
const WORKLOADS = [
  { name: 'burst of 500', plan: Array.from({ length: 500 }, () => 0) },
  {
    // From none, evenly rising.
    name: 'slow ramp',
    plan: Array.from(
      { length: RAMP_PICTURES },
      (_, index) => RAMP_SECONDS * Math.sqrt(index / RAMP_PICTURES),
    ),
  },
] as const;
const FIGURES = {
  firstWorkerSeconds: 'seconds to the first worker',
  peak: 'peak',
  zeroSeconds: 'seconds to zero',
} as const;
type Figure = keyof typeof FIGURES;

/** One run and what was predicted for it. */
export interface Round {
  readonly observed: FleetCourse;
  readonly predicted: FleetCourse;
}

const cores = availableParallelism();
/**
 * Of the runs so far: each workload's first boots (a worker that starts alone on an idle machine takes half as long as two that start
 * at once, or one beside a worker that is busy), and a picture in bursts.
 */
const boots = new Map<string, number[]>();
const paces: number[] = [];
const results = await playAll();
if (values.chart !== undefined) await writeFile(values.chart, chartPage(results, { cores }));
if (values.svg !== undefined) {
  for (const result of results) {
    const file = join(values.svg, `scaling-live-${result.name.split(' ').at(0)}.svg`);
    await writeFile(file, `${svgOfRuns(result)}\n`);
  }
}
const rows = results.flatMap(({ name, rounds: all }) => compare(name, all));
const courseSeconds = await playByCourse();
if (values.json) console.log(JSON.stringify({ bench: 'scaling-live', cores, rounds, rows, courseSeconds }));
process.exitCode = rows.every(({ isWithin }) => isWithin) && courseSeconds <= COURSE_SECONDS ? 0 : 1;

async function playAll() {
  await using service = await LiveService.start(['--max-workers', String(cores)]);
  const played: { name: string; arrivals: readonly number[]; rounds: Round[] }[] = [];
  for (const { name, plan } of WORKLOADS) {
    for (let run = 1; run <= LEARNING_RUNS; run++) {
      console.log(`${name}: run ${run} of ${LEARNING_RUNS} to learn from`);
      note(name, plan, (await service.play(plan)).course);
    }
    const all: Round[] = [];
    let arrivals: readonly number[] = [];
    for (let round = 1; round <= rounds; round++) {
      const learnt = { serviceSeconds: median(paces), ...bootsOf(boots.get(name) ?? []) };
      const run = await service.play(plan);
      arrivals = run.arrivals;
      const predicted = await predict({ ...learnt, arrivals, maxInstances: cores });
      all.push({ observed: run.course, predicted });
      note(name, plan, run.course);
      console.log(`${name}, run ${round} of ${rounds}: ${describe(all.at(-1)!, learnt)}`);
    }
    played.push({ name, arrivals, rounds: all });
  }
  return played;
}

function note(name: string, plan: readonly number[], course: FleetCourse): void {
  boots.set(name, [...(boots.get(name) ?? []), ...course.boots.slice(0, 1)]);
  // Only in a burst nobody waits for work.
  if (name === WORKLOADS[0].name) paces.push(secondsAPicture(course, plan.length, IDLE_SECONDS));
}

/** @returns the longest that workers of the course's rule stayed after the last answer. */
async function playByCourse(): Promise<number> {
  await using service = await LiveService.start(['--scaling-preset', 'course']);
  const plan = Array.from({ length: COURSE_PICTURES }, () => 0);
  const stayed: number[] = [];
  for (let run = 1; run <= rounds + 2; run++) {
    const { course, lastAnswerSeconds } = await service.play(plan, { isAnswered: true });
    stayed.push(round(course.zeroSeconds - lastAnswerSeconds));
  }
  const most = Math.max(...stayed);
  console.log(
    `\ncourse: all gone ${stayed.join(', ')} s after the last answer${most > COURSE_SECONDS ? `, more than ${COURSE_SECONDS}` : ''}`,
  );
  return most;
}

function describe({ observed, predicted }: Round, learnt: { serviceSeconds: number; bootSeconds: number }) {
  const pairs = (Object.keys(FIGURES) as Figure[]).map(
    (figure) => `${FIGURES[figure]} ${round(observed[figure])} (predicted ${round(predicted[figure])})`,
  );
  return `${pairs.join(', ')}; with ${round(learnt.serviceSeconds)} s a picture and boots of ${round(learnt.bootSeconds)} s`;
}

/** The medians of all runs, side by side. */
function compare(name: string, all: readonly Round[]) {
  console.log(`\n${name}`);
  const shown = { ...FIGURES, instanceSeconds: 'instance-seconds (not judged)' };
  const lines = (Object.keys(shown) as (keyof typeof shown)[]).map((figure) => {
    const observed = round(median(all.map((one) => one.observed[figure])));
    const predicted = round(median(all.map((one) => one.predicted[figure])));
    const deviation = predicted / observed - 1;
    const isWithin = figure === 'instanceSeconds' || Math.abs(deviation) <= MOST_DEVIATION;
    const percent = `${deviation < 0 ? '' : '+'}${(100 * deviation).toFixed(1)} %`;
    console.log(
      `  ${shown[figure].padEnd(30)} observed ${observed}, predicted ${predicted}: ${percent}${isWithin ? '' : ', more than 20 %'}`,
    );
    return { workload: name, figure, observed, predicted, deviation: round(deviation), isWithin };
  });
  return lines;
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}
