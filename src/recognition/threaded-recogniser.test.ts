import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ThreadedRecogniser } from './threaded-recogniser.ts';

test('calls that wait when the thread dies are rejected, and so are later ones', async () => {
  const recogniser = await ThreadedRecogniser.open(
    { modelsDir: '', packId: 'fast', maxPixels: 1, smallFaces: false },
    new URL('../../test/support/crashing-recogniser-thread.ts', import.meta.url),
  );
  const waiting = [1, 2, 3].map(() => recogniser.recognise(new Uint8Array(1)));
  for (const outcome of await Promise.allSettled(waiting)) {
    assert.equal(outcome.status, 'rejected');
    assert.equal(outcome.reason.code, 'recogniser-lost');
  }
  await assert.rejects(recogniser.embedCrop(new Uint8Array(1)), { code: 'recogniser-lost' });
  await recogniser[Symbol.asyncDispose]();
});
