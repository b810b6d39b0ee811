import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { BUILT_IN_MODELS, sha256Of } from './built-in-models.ts';
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

  test('several stores may convert into one folder at once', async () => {
    const shared = join(folder, 'shared');
    const stores = Array.from({ length: 8 }, () => new ModelStore({ folder: shared }));
    const loaded = await Promise.all(stores.map((store) => store.load('onet')));
    for (const bytes of loaded) assert.equal(sha256Of(bytes), BUILT_IN_MODELS.onet.onnxSha256);
    assert.deepEqual(await readdir(shared), ['onet.onnx']);
  });
});
