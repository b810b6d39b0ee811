import { arrivalRates, escapeText, svgOf } from '../../src/scaling/simulator/charts.ts';
import type { FleetCourse, Step } from './fleet-course.ts';

const SLICES = 400;

export interface PlayedWorkload {
  readonly name: string;
  /** Of the last run. */
  readonly arrivals: readonly number[];
  readonly rounds: readonly { readonly observed: FleetCourse; readonly predicted: FleetCourse }[];
}

/** Observed instances of every run, and the last one's prediction, over time. */
export function svgOfRuns({ name, rounds }: PlayedWorkload): string {
  const courses = rounds.flatMap(({ observed, predicted }) => [observed, predicted]);
  const seconds = 1.05 * Math.max(...courses.map(({ zeroSeconds }) => zeroSeconds));
  const runs = rounds.map(({ observed }, index) => ({
    name: rounds.length === 1 ? 'observed' : `observed, run ${index + 1}`,
    values: sampled(observed.steps, seconds),
  }));
  const predicted = { name: 'predicted', values: sampled(rounds.at(-1)!.predicted.steps, seconds) };
  return svgOf({ title: `Workers, ${name}`, unit: 'processes', seconds, series: [predicted, ...runs] });
}

/** One file without anything from elsewhere. */
export function chartPage(workloads: readonly PlayedWorkload[], { cores }: { cores: number }): string {
  const figures = workloads.map((workload) => {
    const seconds = 1.05 * Math.max(...workload.rounds.map(({ observed }) => observed.zeroSeconds));
    const series = [{ name: 'arrivals', values: arrivalRates(workload.arrivals, seconds) }];
    const arrivals = svgOf({ title: 'Arrivals', unit: 'pictures a second', seconds, series });
    return `<h2>${escapeText(workload.name)}</h2>\n<figure>${arrivals}</figure>\n<figure>${svgOfRuns(workload)}</figure>`;
  });
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Scaling, observed and predicted</title>
<style>body { font: 15px/1.5 sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff } figure { margin: 1.2rem 0 } svg { width: 100%; height: auto }</style>
<h1>Scaling, observed and predicted</h1>
<p>Worker processes of a real service on ${cores} cores, beside what the simulator predicts for the same arrivals.</p>
${figures.join('\n')}
</html>
`;
}

/** How many lived at each of so many equal slices of time: the most in it, so that no peak is lost. */
function sampled(steps: readonly Step[], seconds: number): number[] {
  return Array.from({ length: SLICES }, (_, slice) => {
    const [from, until] = [(slice / SLICES) * seconds, ((slice + 1) / SLICES) * seconds];
    const before = steps.findLast(({ at }) => at <= from)?.up ?? 0;
    return steps.reduce((most, { at, up }) => (at > from && at < until ? Math.max(most, up) : most), before);
  });
}
