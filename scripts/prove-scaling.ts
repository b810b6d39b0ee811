/**
 * `npm run prove:scaling`: the reconciler in a hundred thousand random worlds (some twenty minutes on two quiet cores).
 *
 * Each is a minute or so of queue, machines, workers and controllers that fail, freeze, die and lie, and what the
 * reconciler promises is checked all along. `--schedules N` runs so many; `--seed N` the same ones again, and with
 * `--path P` the one that was found to break a promise.
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { type Batch, type BatchResult, runBatch } from '../test/support/fault-world/batch.ts';

const BATCH = 500;
const PROGRESS_MS = 15_000;

const { values } = parseArgs({
  options: {
    schedules: { type: 'string', default: '100000' },
    seed: { type: 'string' },
    path: { type: 'string' },
    help: { type: 'boolean' },
  },
});
const schedules = Number(values.schedules);
const seed = Number(values.seed ?? Date.now() % 1_000_000_000);
if (values.help || !Number.isSafeInteger(schedules) || schedules < 1 || !Number.isSafeInteger(seed)) {
  console.log('npm run prove:scaling -- [--schedules N] [--seed N [--path P]]');
  process.exit(values.help ? 0 : 2);
}

const startedAt = performance.now();
const results: BatchResult[] = [];
console.log(`seed ${seed}`);
if (values.path === undefined) await runAll();
else results.push(await runBatch({ seed, count: BATCH, path: values.path }));
report();

async function runAll(): Promise<void> {
  const batches: Batch[] = [];
  for (let from = 0; from < schedules; from += BATCH) {
    batches.push({ seed: seed + from / BATCH, count: Math.min(BATCH, schedules - from) });
  }
  const progress = setInterval(() => console.log(`  ${summary()}`), PROGRESS_MS);
  await Promise.all(Array.from({ length: availableParallelism() }, () => work(batches)));
  clearInterval(progress);
}

/** One thread, which takes batches for as long as there are some. */
async function work(batches: Batch[]): Promise<void> {
  const thread = new Worker(new URL('../test/support/fault-world/batch-thread.ts', import.meta.url));
  for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
    const result = await run(thread, batch);
    results.push(result);
    if (result.failure !== undefined) printFailure(result.failure);
  }
  await thread.terminate();
}

function run(thread: Worker, batch: Batch): Promise<BatchResult> {
  return new Promise((resolve, reject) => {
    thread.once('error', reject);
    thread.once('message', (result: BatchResult) => {
      thread.off('error', reject);
      resolve(result);
    });
    thread.postMessage(batch);
  });
}

function printFailure({ seed, path, reason, schedule }: NonNullable<BatchResult['failure']>): void {
  console.log(`✖ ${reason}`);
  console.log(`  again: npm run prove:scaling -- --seed ${seed} --path ${path}`);
  console.log(`  ${JSON.stringify(schedule)}`);
}

function summary(): string {
  const sum = (name: 'passed' | 'simulatedSeconds' | 'machines' | 'controllers' | 'jobs') =>
    Math.round(results.reduce((total, result) => total + result[name], 0));
  const failures = results.filter(({ failure }) => failure !== undefined).length;
  const tookSeconds = Math.round((performance.now() - startedAt) / 1000);
  return [
    `${sum('passed')} schedules kept all promises, ${failures} batches failed`,
    `${Math.round(sum('simulatedSeconds') / 3600)} hours simulated in ${tookSeconds} s`,
    `${sum('machines')} machines, ${sum('controllers')} controllers, ${sum('jobs')} jobs`,
  ].join('; ');
}

function report(): void {
  if (values.path !== undefined) for (const { failure } of results) failure && printFailure(failure);
  console.log(summary());
  const failed = results.filter(({ failure }) => failure !== undefined).length;
  process.exitCode = failed === 0 ? 0 : 1;
}
