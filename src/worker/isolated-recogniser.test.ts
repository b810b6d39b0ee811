import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { embeddingOf } from '../../test/support/fake-recogniser.ts';
import { BadImageError, RecogniserLostError } from '../recognition/errors.ts';
import { createIsolatedRecogniser } from './isolated-recogniser.ts';

const entry = fileURLToPath(new URL('../../test/support/isolated-fake-main.ts', import.meta.url));

function open({ memoryBytes = 400 * 2 ** 20, timeLimitSeconds = 30 } = {}) {
  const args = [JSON.stringify({ memoryBytes })];
  return createIsolatedRecogniser({ entry, args, timeLimitSeconds, heapBytes: memoryBytes });
}

test('a picture is recognised in another process as in this one', async () => {
  const reader = open();
  const seen = await reader.recognise(Buffer.from('paul'), { crops: true });
  assert.deepEqual(seen.faces[0]?.embedding, embeddingOf('paul'));
  assert.deepEqual(seen.faces[0]?.crop, Buffer.from('paul'));
  assert.deepEqual(await reader.embedCrop(Buffer.from('anna')), embeddingOf('anna'));
});

test('what is no picture is refused as in this process', async () => {
  await assert.rejects(
    open().recognise(Buffer.from('bad-image')),
    (error) => error instanceof BadImageError && error.reason === 'not-a-picture',
  );
});

test('a picture that crashes its process, hangs it or makes it too large is told apart', async () => {
  const lost = (error: unknown) => error instanceof RecogniserLostError;
  await Promise.all([
    assert.rejects(open().recognise(Buffer.from('crash')), lost),
    assert.rejects(open({ timeLimitSeconds: 1 }).recognise(Buffer.from('hang')), lost),
    assert.rejects(open({ memoryBytes: 2 ** 20 * 16 }).recognise(Buffer.from('hang')), lost),
  ]);
});
