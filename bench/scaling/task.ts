import { parentPort } from 'node:worker_threads';
import { type Comparison, compare } from '../../src/scaling/simulator/comparison.ts';
import { CANONICAL_SCENARIO } from '../../src/scaling/simulator/simulation.ts';
import { readTrace } from '../../src/scaling/simulator/trace-file.ts';
import { makeWorkload } from '../../src/scaling/simulator/workloads.ts';

/** One trace, played to some policies. */
export interface Task {
  readonly name: string;
  /** Undefined: made by name and seed. */
  readonly file?: string;
  readonly seed: number;
  readonly policies: readonly string[];
}

export interface TaskResult {
  readonly task: Task;
  readonly comparison: Comparison;
}

parentPort?.on('message', async (task: Task) => {
  const { name, file, seed, policies } = task;
  const arrivals = file === undefined ? makeWorkload(name, seed).arrivals : await readTrace(file);
  const comparison = await compare({ ...CANONICAL_SCENARIO, arrivals, seed }, policies);
  // Nobody draws these here.
  const rows = comparison.rows.map((row) => ({ ...row, history: [] }));
  parentPort?.postMessage({ task, comparison: { ...comparison, rows } } satisfies TaskResult);
});
