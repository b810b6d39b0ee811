import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { type SmallEmbedderOptions, smallEmbedder } from '../../test/support/small-embedder.ts';
import { activePack, setActivePack } from './active-pack.ts';
import { sha256Of } from './built-in-models.ts';
import { ModelError } from './errors.ts';
import { ModelStore } from './model-store.ts';
import { PackRegistry } from './pack-registry.ts';
import { ARCFACE_TEMPLATE } from './packs.ts';

describe('PackRegistry', () => {
  let root: string;
  let folder: string;
  let registry: PackRegistry;
  let sources = 0;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'facefleet-packs-'));
    folder = join(root, 'models');
    registry = new PackRegistry({ folder });
  });
  after(() => rm(root, { recursive: true }));

  /** Writes a manifest and its model into a new folder, and returns that. */
  async function sourceOf(manifest: object, model: SmallEmbedderOptions = {}): Promise<string> {
    const source = join(root, `source-${sources++}`);
    await mkdir(source);
    await writeFile(
      join(source, 'manifest.json'),
      JSON.stringify({ version: 1, model: 'net.onnx', ...manifest }),
    );
    await writeFile(join(source, 'net.onnx'), smallEmbedder(model));
    return source;
  }

  test('lists the built-in packs in an empty folder', async () => {
    assert.deepEqual(
      (await registry.list()).map((pack) => pack.id),
      ['fast', 'accurate'],
    );
    assert.deepEqual(await registry.find('accurate'), (await registry.list())[1]);
  });

  test('adds an ArcFace-style network, and reads back what it added', async () => {
    const source = await sourceOf({
      id: 'mine',
      title: 'Mine',
      licence: 'MIT',
      thresholds: { '1e-3': 0.31, '1e-4': 0.4 },
    });
    const pack = await registry.add(source);
    const [embedder] = pack.embedders;
    assert.equal(pack.dimensions, 32);
    assert.deepEqual(pack.thresholds.points, [
      { falseMatchRate: 1e-3, cosine: 0.31 },
      { falseMatchRate: 1e-4, cosine: 0.4 },
    ]);
    assert.equal(pack.thresholds.isCalibrated, true);
    assert.deepEqual(embedder?.alignment, { kind: 'similarity', template: ARCFACE_TEMPLATE });
    assert.deepEqual([embedder?.input, embedder?.output, embedder?.scale], ['data', 'fc1', 127.5]);
    assert.deepEqual(await new PackRegistry({ folder }).find('mine'), pack);
    assert.deepEqual(
      (await registry.list()).map((one) => one.id),
      ['fast', 'accurate', 'mine'],
    );
  });

  test('hands out its verified file, and refuses an altered one', async () => {
    const pack = await registry.add(await sourceOf({ id: 'altered' }, { dimensions: 48 }));
    const { model } = pack.embedders[0]!;
    const store = new ModelStore({ folder });
    assert.equal(sha256Of(await store.load(model)), sha256Of(smallEmbedder({ dimensions: 48 })));
    assert.equal((await store.check(model)).state, 'verified');
    await writeFile(store.pathOf(model), 'something else');
    await assert.rejects(store.load(model), ModelError);
    assert.equal((await store.check(model)).state, 'altered');
  });

  test('knows SFace and facenet-pytorch', async () => {
    const sface = await registry.add(await sourceOf({ id: 'sface', kind: 'sface' }, { dimensions: 128 }));
    assert.deepEqual([sface.embedders[0]?.mean, sface.embedders[0]?.scale], [[0, 0, 0], 1]);
    const facenet = await registry.add(
      await sourceOf({ id: 'facenet', kind: 'facenet' }, { sizePx: 160, dimensions: 512 }),
    );
    const [embedder] = facenet.embedders;
    assert.deepEqual([embedder?.sizePx, embedder?.scale], [160, 128]);
    assert.deepEqual(embedder?.alignment, { kind: 'box', marginPx: 0 });
  });

  test('takes every part of the feeding from the manifest', async () => {
    const template = [
      [20, 30],
      [44, 30],
      [32, 42],
      [22, 54],
      [42, 54],
    ];
    const feeding = {
      sizePx: 64,
      layout: 'NHWC',
      channels: 'BGR',
      mean: [1, 2, 3],
      scale: 2.5,
      mirror: true,
    };
    const manifest = {
      id: 'special',
      ...feeding,
      alignment: { template },
      smallFaces: { slope: 0, referenceWidthPx: 1 },
    };
    const pack = await registry.add(await sourceOf(manifest, { sizePx: 64, layout: 'NHWC' }));
    const [embedder] = pack.embedders;
    assert.deepEqual({ ...embedder, ...feeding, alignment: { kind: 'similarity', template } }, embedder);
    assert.equal(pack.thresholds.isCalibrated, false, 'it brought no thresholds');
    assert.deepEqual(await registry.find('special'), pack);
  });

  test('adding the same again changes nothing, another under its id is refused', async () => {
    const manifest = join(await sourceOf({ id: 'twice' }), 'manifest.json');
    assert.deepEqual(await registry.add(manifest), await registry.add(manifest));
    await assert.rejects(registry.add(await sourceOf({ id: 'twice' }, { dimensions: 64 })), ModelError);
    await assert.rejects(registry.add(await sourceOf({ id: 'fast' })), ModelError);
  });

  test('removes a pack whole', async () => {
    await registry.add(await sourceOf({ id: 'gone' }));
    await registry.remove('gone');
    await assert.rejects(registry.find('gone'), ModelError);
    await assert.rejects(registry.remove('gone'), ModelError);
    await assert.rejects(registry.remove('fast'), ModelError);
    assert.ok(!(await readdir(join(folder, 'packs'))).some((name) => name.includes('gone')));
  });

  const outside = { version: 1, id: 'outside', model: '../net.onnx' };
  const unsound: [string, object, SmallEmbedderOptions?][] = [
    ['an id that is no folder name', { id: '../evil' }],
    ['no id', {}],
    ['another version', { id: 'bad', version: 2 }],
    ['a field nobody knows', { id: 'bad', colour: 'RGB' }],
    ['a word of another case', { id: 'bad', channels: 'rgb' }],
    ['a model outside its folder', outside],
    ['a model that is not there', { id: 'bad', model: 'other.onnx' }],
    ['a wrong SHA-256', { id: 'bad', sha256: '0'.repeat(64) }],
    ['thresholds that fall', { id: 'bad', thresholds: { '1e-3': 0.5, '1e-4': 0.4 } }],
    ['no thresholds among them', { id: 'bad', thresholds: {} }],
    ['a mean of one number', { id: 'bad', mean: [127.5] }],
    ['a scale of zero', { id: 'bad', scale: 0 }],
    [
      'a template of four points',
      {
        id: 'bad',
        alignment: {
          template: [
            [1, 1],
            [2, 1],
            [1, 2],
            [2, 2],
          ],
        },
      },
    ],
    ['another layout than the graph', { id: 'bad', layout: 'NHWC' }],
    ['another size than the graph', { id: 'bad', sizePx: 128 }],
    ['other dimensions than the graph', { id: 'bad', dimensions: 512 }],
    ['an output that is not there', { id: 'bad', output: 'embedding' }],
    ['two outputs and none named', { id: 'bad' }, { outputs: ['a', 'b'] }],
    ['a network that gives one answer to all', { id: 'bad' }, { isConstant: true }],
    ['too few floats', { id: 'bad' }, { dimensions: 8 }],
  ];
  for (const [what, manifest, model] of unsound) {
    test(`refuses ${what}`, async () => {
      await assert.rejects(registry.add(await sourceOf(manifest, model)), ModelError);
      assert.ok(!(await registry.list()).some((pack) => pack.id === 'bad'));
    });
  }

  test('tells everything that is wrong with a manifest at once', async () => {
    const source = await sourceOf({ id: 'Bad Id', channels: 'rgb', scale: -1, colour: 1 });
    await assert.rejects(registry.add(source), (error: ModelError) =>
      ['id', 'channels', 'scale', 'colour'].every((field) => error.message.includes(field)),
    );
  });

  test('refuses what is no manifest and no ONNX file', async () => {
    const source = await sourceOf({ id: 'broken' });
    await writeFile(join(source, 'net.onnx'), 'not a network');
    await assert.rejects(registry.add(source), ModelError);
    await writeFile(join(source, 'manifest.json'), '{');
    await assert.rejects(registry.add(source), ModelError);
    await writeFile(join(source, 'manifest.json'), '[]');
    await assert.rejects(registry.add(source), ModelError);
    await assert.rejects(registry.add(join(root, 'nowhere')), ModelError);
  });

  test('the stored manifest may travel: it can be added elsewhere', async () => {
    await registry.add(await sourceOf({ id: 'traveller', thresholds: { '1e-4': 0.4 } }));
    const elsewhere = new PackRegistry({ folder: join(root, 'elsewhere') });
    const stored = join(folder, 'packs', 'traveller');
    assert.deepEqual(await elsewhere.add(stored), await registry.find('traveller'));
    const copy = join(root, 'elsewhere', 'packs', 'traveller', 'manifest.json');
    assert.equal(await readFile(copy, 'utf8'), await readFile(join(stored, 'manifest.json'), 'utf8'));
  });
});

describe('activePack', () => {
  let dataDir: string;
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'facefleet-active-'));
  });
  after(() => rm(dataDir, { recursive: true }));

  test('is `fast`, unless it was chosen otherwise; what is configured wins', async () => {
    assert.equal(await activePack({ dataDir, configured: undefined }), 'fast');
    await setActivePack(dataDir, 'accurate');
    assert.equal(await activePack({ dataDir, configured: undefined }), 'accurate');
    assert.equal(await activePack({ dataDir, configured: 'mine' }), 'mine');
  });

  test('refuses a damaged note', async () => {
    for (const note of ['', '{', 'null', '{"version":1}', '{"version":2,"pack":"fast"}']) {
      await writeFile(join(dataDir, 'models', 'active.json'), note);
      await assert.rejects(activePack({ dataDir, configured: undefined }), ModelError, note);
    }
  });
});
