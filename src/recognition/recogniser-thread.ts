/** The other end of `ThreadedRecogniser`: opens the models, then answers until it is told to close. */
import assert from 'node:assert/strict';
import { parentPort, workerData } from 'node:worker_threads';
import { openPipeline } from './opening.ts';
import {
  flattened,
  type ThreadReply,
  type ThreadRequest,
  type ThreadSettings,
} from './threaded-recogniser.ts';
import type { Recogniser } from './types.ts';

assert(parentPort !== null, 'recogniser-thread runs as a worker thread only');
const port = parentPort;
const settings: ThreadSettings = workerData;

try {
  const recogniser = await openPipeline(settings);
  port.on('message', (request: ThreadRequest) => void serve(recogniser, request));
  reply({ kind: 'ready', packId: recogniser.packId, dimensions: recogniser.dimensions });
} catch (error) {
  port.on('message', (request: ThreadRequest) => request.kind === 'close' && port.close());
  reply({ kind: 'failed-to-open', error: flattened(error) });
}

async function serve(recogniser: Recogniser, request: ThreadRequest): Promise<void> {
  if (request.kind === 'close') {
    await recogniser[Symbol.asyncDispose]();
    port.close();
    return;
  }
  const { id } = request;
  try {
    if (request.kind === 'recognise') {
      reply({
        kind: 'recognised',
        id,
        picture: await recogniser.recognise(request.picture, request.options),
      });
    } else {
      reply({ kind: 'embedded', id, embedding: await recogniser.embedCrop(request.crop) });
    }
  } catch (error) {
    reply({ kind: 'failed', id, error: flattened(error) });
  }
}

function reply(message: ThreadReply): void {
  port.postMessage(message);
}
