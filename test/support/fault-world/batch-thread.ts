import assert from 'node:assert/strict';
import { parentPort } from 'node:worker_threads';
import { type Batch, runBatch } from './batch.ts';

assert(parentPort !== null);
const port = parentPort;
port.on('message', (batch: Batch) => {
  runBatch(batch).then(
    (result) => port.postMessage(result),
    (error: unknown) => {
      throw error;
    },
  );
});
