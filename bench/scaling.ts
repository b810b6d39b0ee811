/**
 * `npm run bench:scaling`: what the scaling policy costs, beside the least that anybody could do with and beside the
 * rules of other systems, in a simulator that runs the real controller.
 *
 * The canonical set with three seeds; `--trace FILE` (several times) adds a file of arrival seconds, `--others` the
 * shapes that the policy was not developed on, `--seeds N` changes how many. Rules are tuned, each on the very trace it
 * is then judged on, with the first seed. Ends with one JSON line.
 */
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import type { Row } from '../src/scaling/simulator/comparison.ts';
import { RULES } from '../src/scaling/simulator/rules.ts';
import { CANONICAL_NAMES, OTHER_NAMES } from '../src/scaling/simulator/workloads.ts';
import type { Task, TaskResult } from './scaling/task.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '3' },
    trace: { type: 'string', multiple: true, default: [] },
    others: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const startedAt = performance.now();
const rules = RULES.map(({ name }) => name);
const everything = ['slo', ...rules, ...rules.map((name) => `${name}:tuned`)];
const names = [...CANONICAL_NAMES, ...(values.others ? OTHER_NAMES : [])];
const seeds = Array.from({ length: Number(values.seeds) }, (_, index) => index + 1);
const tasks: Task[] = [
  ...values.trace.map((file) => ({ name: basename(file), file, seed: 1, policies: everything })),
  ...seeds.flatMap((seed) =>
    names.map((name) => ({ name, seed, policies: seed === 1 ? everything : ['slo', ...rules] })),
  ),
];
const results = await runAll(tasks);
for (const name of new Set(tasks.map((task) => task.name))) describe(name);
summarise();

async function runAll(all: readonly Task[]): Promise<TaskResult[]> {
  // The long ones first, so that no thread is left with one at the end.
  const left = [...all].sort((one, other) => other.policies.length - one.policies.length);
  const done: TaskResult[] = [];
  await Promise.all(
    Array.from({ length: availableParallelism() }, async () => {
      const worker = new Worker(new URL('./scaling/task.ts', import.meta.url));
      for (let task = left.shift(); task !== undefined; task = left.shift()) {
        done.push(await runOne(worker, task));
      }
      await worker.terminate();
    }),
  );
  return done;
}

function runOne(worker: Worker, task: Task): Promise<TaskResult> {
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', (result: TaskResult) => {
      worker.off('error', reject);
      resolve(result);
    });
    worker.postMessage(task);
  });
}

function describe(name: string): void {
  const mine = results.filter(({ task }) => task.name === name);
  const first = mine.find(({ task }) => task.seed === 1)!;
  const { bound, causal } = first.comparison;
  const least = bound.costSeconds === undefined ? 'impossible' : `${Math.round(bound.costSeconds)} s`;
  console.log(
    `\n${name}: ${first.comparison.rows[0]!.score.jobs} jobs, bound ${least}, ${causal.violations} late for one who cannot foresee the first`,
  );
  for (const policy of everything) {
    const rows = mine.flatMap(({ comparison }) => comparison.rows.filter((row) => row.name === policy));
    if (rows.length > 0) console.log(`  ${line(policy, rows)}`);
  }
}

function line(policy: string, rows: readonly Row[]): string {
  const mean = (of: (row: Row) => number) => rows.reduce((sum, row) => sum + of(row), 0) / rows.length;
  const cells = [
    policy.padEnd(15),
    `cost ${Math.round(mean(({ score }) => score.costSeconds))} s`.padEnd(16),
    `ratio ${ratioOf(rows).toFixed(3)}`.padEnd(13),
    `p50 ${mean(({ score }) => score.p50Seconds).toFixed(1)} s`.padEnd(12),
    `p99 ${mean(({ score }) => score.p99Seconds).toFixed(1)} s`.padEnd(13),
    `late ${rows.reduce((sum, { score }) => sum + score.violations, 0)}`.padEnd(12),
    `actions ${Math.round(mean(({ score }) => score.actions))}`.padEnd(13),
    rows[0]?.settings ?? '',
  ];
  return cells.join(' ').trimEnd();
}

function ratioOf(rows: readonly Row[]): number {
  const ratios = rows.flatMap(({ ratio }) => (ratio === undefined ? [] : [Math.log(ratio)]));
  return Math.exp(ratios.reduce((sum, one) => sum + one, 0) / ratios.length);
}

/** Geometric means over traces, each the mean over its seeds. */
function summarise(): void {
  const traces = [...new Set(tasks.map(({ name }) => name))];
  const rowsOf = (trace: string, policy: string) =>
    results
      .filter(({ task }) => task.name === trace)
      .flatMap(({ comparison }) => comparison.rows.filter(({ name }) => name === policy));
  const geometric = (policy: string, among = traces) =>
    Math.exp(among.reduce((sum, trace) => sum + Math.log(ratioOf(rowsOf(trace, policy))), 0) / among.length);
  const late = (policy: string) =>
    traces.reduce(
      (sum, trace) => sum + rowsOf(trace, policy).reduce((all, { score }) => all + score.violations, 0),
      0,
    );
  const actions = (policy: string) =>
    traces.reduce((sum, trace) => sum + (rowsOf(trace, policy)[0]?.score.actions ?? 0), 0);
  const avoidable = results.filter(
    ({ comparison }) =>
      comparison.causal.violations === 0 &&
      comparison.rows.some(({ name, score }) => name === 'slo' && score.violations > 0),
  ).length;
  const round = (value: number) => Number(value.toFixed(3));
  console.log('\ngeometric mean over all traces of cost over the bound');
  for (const policy of everything) {
    console.log(
      `  ${policy.padEnd(15)} ${geometric(policy).toFixed(3)}   late ${late(policy)}   actions ${actions(policy)} (first seed)`,
    );
  }
  console.log(
    JSON.stringify({
      bench: 'scaling',
      ratio: round(geometric('slo')),
      ratioSteady: round(geometric('slo', ['steady'])),
      ratioDiurnal: round(geometric('slo', ['diurnal'])),
      late: late('slo'),
      tracesWithAvoidableLateness: avoidable,
      peers: Object.fromEntries(
        rules.map((name) => [
          name,
          {
            ratio: round(geometric(`${name}:tuned`)),
            late: late(`${name}:tuned`),
            actions: actions(`${name}:tuned`),
          },
        ]),
      ),
      actions: actions('slo'),
      seeds: seeds.length,
      seconds: Math.round((performance.now() - startedAt) / 1000),
    }),
  );
}
