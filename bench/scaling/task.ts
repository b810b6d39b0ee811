import { parentPort } from 'node:worker_threads';
import { type Comparison, compare } from '../../src/scaling/simulator/comparison.ts';
import { CANONICAL_SCENARIO, LOCAL_SCENARIO, runPolicy } from '../../src/scaling/simulator/simulation.ts';
import { readTrace } from '../../src/scaling/simulator/trace-file.ts';
import { makeWorkload } from '../../src/scaling/simulator/workloads.ts';

/** One trace: made by name and seed, or read from a file. */
export interface TraceOf {
  readonly name: string;
  readonly file?: string;
  readonly seed: number;
}

export type Task =
  /** Played to these policies, with a bound. */
  | (TraceOf & { readonly kind: 'comparison'; readonly policies: readonly string[] })
  /** Played on one machine, to the policy and to the course's rule in the same controller. */
  | (TraceOf & { readonly kind: 'local' });

export type TaskResult =
  | { readonly kind: 'comparison'; readonly task: Task; readonly comparison: Comparison }
  | { readonly kind: 'local'; readonly task: Task; readonly slo: number; readonly course: number };

async function perform(task: Task): Promise<TaskResult> {
  const { kind, name, file, seed } = task;
  const arrivals = file === undefined ? makeWorkload(name, seed).arrivals : await readTrace(file);
  if (kind === 'local') {
    const scenario = { ...LOCAL_SCENARIO, arrivals, seed };
    const slo = (await runPolicy(scenario)).score.costSeconds;
    const course = (await runPolicy(scenario, 'course')).score.costSeconds;
    return { kind, task, slo, course };
  }
  const comparison = await compare({ ...CANONICAL_SCENARIO, arrivals, seed }, task.policies);
  // Nobody draws these here.
  const rows = comparison.rows.map((row) => ({ ...row, history: [] }));
  return { kind, task, comparison: { ...comparison, rows } };
}

parentPort?.on('message', async (task: Task) => parentPort?.postMessage(await perform(task)));
