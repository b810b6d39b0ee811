/** Stands in for the recogniser's thread: opens, and dies of the second picture. */
import { parentPort } from 'node:worker_threads';

let pictures = 0;
parentPort?.on('message', ({ kind }: { kind: string }) => {
  if (kind === 'close') parentPort?.close();
  if (kind === 'recognise' && ++pictures === 2) throw new Error('out of memory');
});
parentPort?.postMessage({ kind: 'ready', packId: 'fast', dimensions: 192 });
