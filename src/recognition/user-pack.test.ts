import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { samplePicture } from '../../test/support/sample-faces.ts';
import { smallEmbedder } from '../../test/support/small-embedder.ts';
import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { openRecogniser, PackRegistry } from './index.ts';

const KINDS = {
  arcface: { sizePx: 112, dimensions: 32 },
  facenet: { sizePx: 160, dimensions: 64 },
} as const;

describe("a user's pack in the whole pipeline", () => {
  for (const [kind, model] of Object.entries(KINDS)) {
    test(`finds and embeds faces with a network of the kind ${kind}`, async () => {
      await using folder = temporaryFolder();
      const modelsDir = join(folder.path, 'models');
      const source = join(folder.path, 'source');
      await mkdir(source);
      await writeFile(join(source, 'net.onnx'), smallEmbedder(model));
      await writeFile(
        join(source, 'manifest.json'),
        JSON.stringify({ version: 1, id: 'mine', kind, model: 'net.onnx' }),
      );
      await new PackRegistry({ folder: modelsDir }).add(source);

      const settings = { modelsDir, packId: 'mine', maxPixels: 40e6, smallFaces: false, inThread: false };
      await using recogniser = await openRecogniser(settings);
      const { faces, packId } = await recogniser.recognise(await readFile(samplePicture(1)), { crops: true });
      assert.equal(packId, 'mine');
      assert.equal(faces.length, 3);
      for (const { embedding, crop } of faces) {
        assert.equal(embedding.length, model.dimensions);
        assert.ok(Math.abs(Math.hypot(...embedding) - 1) < 1e-5);
        assert.equal((await recogniser.embedCrop(crop!)).length, model.dimensions);
      }
    });
  }
});
