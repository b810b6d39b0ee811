import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { openRecogniser, type Recogniser } from './index.ts';

const require = createRequire(import.meta.url);
const samplePath = (number: number) => require.resolve(`@vladmandic/face-api/demo/sample${number}.jpg`);

let modelsDir: string;
before(async () => {
  modelsDir = await mkdtemp(join(tmpdir(), 'facefleet-recognition-'));
});
after(() => rm(modelsDir, { recursive: true, force: true }));

test('a recogniser in a thread finds the faces of a picture', async () => {
  await using recogniser: Recogniser = await openRecogniser({
    modelsDir,
    packId: 'fast',
    maxPixels: 40e6,
    smallFaces: false,
  });
  const result = await recogniser.recognise(await readFile(samplePath(1)), { crops: true });
  assert.equal(result.faces.length, 3);
  const again = await recogniser.embedCrop(result.faces[0]!.crop!);
  assert.equal(again.length, recogniser.dimensions);
  await assert.rejects(recogniser.recognise(new Uint8Array(0)), { code: 'bad-image', reason: 'empty' });
});
