/**
 * `npm run bench:scaling`: what the scaling policy costs, beside the least that anybody could do with and beside the
 * rules of other systems, in a simulator that runs the real controller.
 *
 * The canonical set with three seeds; `--traces PATH…` adds files of arrival seconds and folders of them, `--others` the
 * shapes that the policy was not developed on, `--seeds N` changes how many, `--workloads A,B` which. Rules are tuned,
 * each on the very trace it is then judged on, with the first seed. Tables go to stdout, progress to stderr, and the
 * last line is one of JSON, whose `ratio` is the policy's cost over the bound, as a geometric mean over all traces.
 */
import { readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { CANONICAL_NAMES, OTHER_NAMES } from '../src/scaling/simulator/workloads.ts';
import { performAll } from './scaling/pool.ts';
import { geometricMean, Results, RULE_NAMES } from './scaling/results.ts';
import { localTable, overallTable, traceTable } from './scaling/tables.ts';
import type { Task, TaskResult } from './scaling/task.ts';

const { values, positionals } = parseArgs({
  options: {
    seeds: { type: 'string', default: '3' },
    workloads: { type: 'string' },
    traces: { type: 'string', multiple: true, default: [] },
    others: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const startedAt = performance.now();
const secondsSoFar = () => Math.round((performance.now() - startedAt) / 1000);

const tasks = planned();
const done = await performAll(tasks, ({ task }, count) => {
  const what = task.kind === 'local' ? `${task.name} on one machine` : `${task.name}, seed ${task.seed}`;
  process.stderr.write(`${count} of ${tasks.length} after ${secondsSoFar()} s: ${what}\n`);
});
const results = new Results(
  done,
  tasks.map(({ name }) => name),
);
for (const trace of results.traces) console.log(traceTable(results, trace));
console.log(localTable(inOrder(done)));
console.log(overallTable(results));
console.log(JSON.stringify(summary()));

/** The long ones first, so that no thread is left with one at the end. */
function planned(): Task[] {
  const count = Number(values.seeds);
  if (!Number.isInteger(count) || count < 1) fail(`--seeds is ${values.seeds}, expected a number from 1 up`);
  const known = [...CANONICAL_NAMES, ...OTHER_NAMES];
  const names = values.workloads?.split(',') ?? [...CANONICAL_NAMES, ...(values.others ? OTHER_NAMES : [])];
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    fail(`no workload is called ${unknown.join(' or ')}; there are ${known.join(', ')}`);
  const files = [...values.traces, ...positionals].flatMap(filesAt);
  const plain = ['slo', ...RULE_NAMES];
  const all = [...plain, ...RULE_NAMES.map((rule) => `${rule}:tuned`)];
  const further = Array.from({ length: count - 1 }, (_, index) => index + 2);
  return [
    ...files.map((file) => ({
      kind: 'comparison' as const,
      name: basename(file),
      file,
      seed: 1,
      policies: all,
    })),
    ...names.map((name) => ({ kind: 'comparison' as const, name, seed: 1, policies: all })),
    ...names.map((name) => ({ kind: 'local' as const, name, seed: 1 })),
    ...further.flatMap((seed) =>
      names.map((name) => ({ kind: 'comparison' as const, name, seed, policies: plain })),
    ),
  ];
}

function filesAt(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  const files = readdirSync(path).filter((name) => /\.(csv|txt|tsv)$/i.test(name));
  if (files.length === 0) fail(`${path} holds no trace, expected files that end in .csv, .tsv or .txt`);
  return files.sort().map((name) => join(path, name));
}

function inOrder(all: readonly TaskResult[]): TaskResult[] {
  return all.toSorted((one, other) => tasks.indexOf(one.task) - tasks.indexOf(other.task));
}

function summary(): object {
  const ours = results.standing('slo');
  const only = (trace: string) =>
    results.traces.includes(trace) ? round(results.standing('slo', [trace]).ratio) : null;
  const local = done.flatMap((result) => (result.kind === 'local' ? [result.slo / result.course] : []));
  const peers = RULE_NAMES.map((rule) => {
    const ways = {
      documented: results.standing(rule),
      tuned: results.standing(`${rule}:tuned`),
      tunedOnce: results.tunedOnce(rule),
    };
    const entries = Object.entries(ways).flatMap(([way, standing]) =>
      standing === undefined ? [] : [[way, { ...standing, ratio: round(standing.ratio) }]],
    );
    return [rule, Object.fromEntries(entries)];
  });
  return {
    bench: 'scaling',
    ratio: round(ours.ratio),
    ratioSteady: only('steady'),
    ratioDiurnal: only('diurnal'),
    late: ours.late,
    avoidablyLate: ours.avoidablyLate,
    actions: ours.actions,
    localOverCourse: round(geometricMean(local)),
    localOverCourseMost: round(Math.max(...local)),
    peers: Object.fromEntries(peers),
    traces: results.traces.length,
    seeds: Number(values.seeds),
    seconds: secondsSoFar(),
  };
}

function round(value: number | undefined): number | null {
  return value === undefined ? null : Number(value.toFixed(3));
}

function fail(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(2);
}
