import { arrivalRates, type Chart, escapeText, sliced, svgOf } from './charts.ts';
import type { Comparison, Row } from './comparison.ts';
import type { Scenario } from './simulation.ts';

export interface Report {
  readonly title: string;
  readonly scenario: Scenario;
  readonly comparison: Comparison;
  /** Of one instance for an hour. */
  readonly dollarsPerHour: number;
}

export const REPORT_COLUMNS = [
  'POLICY',
  'COST',
  'DOLLARS',
  'X BOUND',
  'P50',
  'P95',
  'P99',
  'LATE',
  'ACTIONS',
  'PEAK',
  'SETTINGS',
];

/** A line for each policy, and one for the bound, as cells of text. */
export function reportRows({ comparison, dollarsPerHour }: Report): string[][] {
  const { bound, rows } = comparison;
  const dollars = (seconds: number) => ((seconds / 3600) * dollarsPerHour).toFixed(3);
  const least =
    bound.costSeconds === undefined
      ? ['bound', 'none', '', '', '', '', '', `${bound.violations} at least`, '', '', 'nobody can be in time']
      : [
          'bound',
          seconds(bound.costSeconds),
          dollars(bound.costSeconds),
          '1.000',
          '',
          '',
          '',
          '0',
          '',
          '',
          '',
        ];
  return [...rows.map((row) => cellsOf(row, dollars)), least];
}

function cellsOf({ name, score, ratio, settings = '' }: Row, dollars: (seconds: number) => string): string[] {
  const { costSeconds, p50Seconds, p95Seconds, p99Seconds, violations, actions, peak } = score;
  return [
    name,
    seconds(costSeconds),
    dollars(costSeconds),
    ratio?.toFixed(3) ?? '',
    ...[p50Seconds, p95Seconds, p99Seconds].map(seconds),
    String(violations),
    String(actions),
    String(peak),
    settings,
  ];
}

/** Arrivals, backlog and instances over time. */
export function chartsOf({ scenario, comparison }: Report): Chart[] {
  const ends = comparison.rows.flatMap(({ history }) => history.at(-1)?.at ?? 0);
  const last = scenario.arrivals.at(-1) ?? 0;
  // What a slow rule does long afterwards would squeeze the rest.
  const length = Math.min(Math.max(last, ...ends), last * 1.25 + 120);
  const over = (of: (moment: { waiting: number; up: number }) => number) =>
    comparison.rows.map(({ name, history }) => ({ name, values: sliced(history, of, length) }));
  return [
    {
      title: 'Arrivals',
      unit: 'jobs a second',
      seconds: length,
      series: [{ name: 'arrivals', values: arrivalRates(scenario.arrivals, length) }],
    },
    { title: 'Backlog', unit: 'jobs that wait', seconds: length, series: over(({ waiting }) => waiting) },
    { title: 'Instances', unit: 'paid for', seconds: length, series: over(({ up }) => up) },
  ];
}

/** One file without anything from elsewhere. */
export function htmlReport(report: Report): string {
  const { title, scenario, comparison } = report;
  const { serviceSeconds, bootSeconds, sloSeconds, billingMinimumSeconds, maxInstances } = scenario;
  const cell = (tag: string) => (text: string) => `<${tag}>${escapeText(text)}</${tag}>`;
  const lines = reportRows(report).map((cells) => `<tr>${cells.map(cell('td')).join('')}</tr>`);
  const figures = chartsOf(report).map((chart) => `<figure>${svgOf(chart)}</figure>`);
  const late = comparison.causal.violations;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeText(title)}</title>
<style>
body { font: 15px/1.5 sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }
table { border-collapse: collapse; display: block; overflow-x: auto } td, th { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap }
td:first-child, th:first-child, td:last-child, th:last-child { text-align: left } figure { margin: 1.2rem 0 } svg { width: 100%; height: auto }
</style>
<h1>${escapeText(title)}</h1>
<p>${scenario.arrivals.length} jobs of ${serviceSeconds} s each, to be done within ${sloSeconds} s. An instance boots in ${bootSeconds} s,
is paid for ${billingMinimumSeconds} s at least, and there are ${maxInstances} at most. The bound is what somebody would pay at least who knew all
arrivals beforehand; for one who cannot launch before the first arrival, ${late} jobs are late whatever is done.</p>
<table><tr>${REPORT_COLUMNS.map(cell('th')).join('')}</tr>
${lines.join('\n')}
</table>
${figures.join('\n')}
</html>
`;
}

function seconds(value: number): string {
  if (!Number.isFinite(value)) return 'never';
  return `${value >= 100 ? Math.round(value) : Number(value.toFixed(1))} s`;
}
