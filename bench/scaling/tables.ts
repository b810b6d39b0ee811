import type { Bound } from '../../src/scaling/simulator/bound.ts';
import type { Row } from '../../src/scaling/simulator/comparison.ts';
import { geometricMean, type Results, RULE_NAMES, type Standing } from './results.ts';
import type { TaskResult } from './task.ts';

const NAMES = ['slo', ...RULE_NAMES, ...RULE_NAMES.map((name) => `${name}:tuned`)];
const HEADER = ['', 'cost s', 'ratio', 'p50 s', 'p99 s', 'late', 'actions', 'settings'];
const WIDTHS = [17, 9, 9, 9, 9, 9, 9];

/** One trace: what it costs at least, and everybody beside that, as means over the seeds. */
export function traceTable(results: Results, trace: string): string {
  const comparisons = results.of(trace);
  const jobs = comparisons[0]!.rows[0]!.score.jobs;
  const bounds = comparisons.map(({ bound }) => bound);
  const causal = comparisons.map((comparison) => comparison.causal);
  const policies = NAMES.flatMap((name) => {
    const rows = results.rows(trace, name);
    return rows.length === 0 ? [] : [policyCells(name, rows)];
  });
  const lines = [
    HEADER,
    boundCells('bound', bounds, bounds),
    boundCells('causal oracle', causal, bounds),
    ...policies,
  ];
  return `\n${trace}: ${jobs} jobs, ${comparisons.length} ${comparisons.length === 1 ? 'seed' : 'seeds'}\n${lines.map(lineOf).join('\n')}`;
}

/** Over all traces. */
export function overallTable(results: Results): string {
  const standings = NAMES.map((name): [string, Standing] => [name, results.standing(name)]);
  const once = RULE_NAMES.flatMap((rule): [string, Standing][] => {
    const standing = results.tunedOnce(rule);
    return standing === undefined ? [] : [[`${rule}:once`, standing]];
  });
  const lines = [...standings, ...once].map(([name, { ratio, late, avoidablyLate, actions, settings }]) => [
    name,
    ratio?.toFixed(3) ?? '-',
    String(late),
    String(avoidablyLate),
    String(actions),
    settings ?? '',
  ]);
  const header = ['', 'ratio', 'late', 'needless', 'actions', 'settings'];
  return [
    '\nall traces: geometric mean of cost over the bound; actions with the first seed',
    '`:tuned` on each trace it is then judged on, `:once` on all of them together, as it would have to be run;',
    'needless: late where the causal oracle, which knows all but cannot launch before the first arrival, has none late',
    ...[header, ...lines].map(lineOf),
  ].join('\n');
}

/** What the policy costs on one machine, where the course's rule is the peer. */
export function localTable(results: readonly TaskResult[]): string {
  const lines = results.flatMap((result) =>
    result.kind === 'local'
      ? [
          [
            result.task.name,
            ...[result.slo, result.course].map(rounded),
            (result.slo / result.course).toFixed(3),
          ],
        ]
      : [],
  );
  const header = ['', 'slo s', 'course s', 'of it'];
  return `\non one machine: process-seconds, beside the course's rule\n${[header, ...lines].map(lineOf).join('\n')}`;
}

function policyCells(name: string, rows: readonly Row[]): string[] {
  const mean = (of: (row: Row) => number) => rows.reduce((sum, row) => sum + of(row), 0) / rows.length;
  const settings = new Set(rows.map((row) => row.settings ?? ''));
  return [
    name,
    rounded(mean(({ score }) => score.costSeconds)),
    geometricMean(rows.map(({ ratio }) => ratio))?.toFixed(3) ?? '-',
    mean(({ score }) => score.p50Seconds).toFixed(1),
    mean(({ score }) => score.p99Seconds).toFixed(1),
    String(rows.reduce((sum, { score }) => sum + score.violations, 0)),
    rounded(mean(({ score }) => score.actions)),
    [...settings].join(' | '),
  ];
}

function boundCells(name: string, ofSeeds: readonly Bound[], bounds: readonly Bound[]): string[] {
  const costs = ofSeeds.map(({ costSeconds }) => costSeconds);
  const ratios = costs.map((cost, index) => {
    const least = bounds[index]?.costSeconds;
    return cost === undefined || least === undefined ? undefined : cost / least;
  });
  const late = String(ofSeeds.reduce((sum, { violations }) => sum + violations, 0));
  if (costs.some((cost) => cost === undefined)) return [name, 'none', '-', '', '', late];
  const mean = costs.reduce<number>((sum, cost) => sum + cost!, 0) / costs.length;
  return [name, rounded(mean), geometricMean(ratios)?.toFixed(3) ?? '-', '', '', late];
}

function lineOf(cells: readonly string[]): string {
  const [name = '', ...rest] = cells;
  const padded = rest.map((cell, index) => {
    const width = WIDTHS[index + 1];
    return width === undefined || (cell.includes(' ') && index >= 4) ? `  ${cell}` : cell.padStart(width);
  });
  return `  ${name.padEnd(WIDTHS[0]!)}${padded.join('')}`.trimEnd();
}

function rounded(seconds: number): string {
  return String(Math.round(seconds));
}
