import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Task, TaskResult } from './task.ts';

/**
 * Performs all tasks in as many threads as there are cores, in the order given, and calls after each. Rejects with the
 * first one that fails.
 */
export async function performAll(
  tasks: readonly Task[],
  onDone: (result: TaskResult, count: number) => void,
): Promise<TaskResult[]> {
  const left = [...tasks];
  const done: TaskResult[] = [];
  const perform = async () => {
    const worker = new Worker(new URL('./task.ts', import.meta.url));
    try {
      for (let task = left.shift(); task !== undefined; task = left.shift()) {
        const result = await performIn(worker, task);
        done.push(result);
        onDone(result, done.length);
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: Math.min(tasks.length, availableParallelism()) }, perform));
  return done;
}

function performIn(worker: Worker, task: Task): Promise<TaskResult> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      worker.off('error', fail);
      worker.off('message', succeed);
      act();
    };
    const fail = (error: Error) =>
      settle(() => reject(new Error(`${task.name}, seed ${task.seed}: ${error.message}`, { cause: error })));
    const succeed = (result: TaskResult) => settle(() => resolve(result));
    worker.on('error', fail);
    worker.on('message', succeed);
    worker.postMessage(task);
  });
}
