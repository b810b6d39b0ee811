import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startGalleryWorker } from '../../test/support/gallery-worker.ts';
import { MemoryDeployment } from '../../test/support/memory-deployment.ts';
import { newFace, SyntheticFaces } from '../../test/support/synthetic-faces.ts';
import { JobClient } from '../jobs/job-client.ts';
import { Gallery } from './gallery.ts';
import { reembedAll } from './re-embedding.ts';
import { openGalleryReplica } from './replica.ts';

function setUp() {
  const deployment = new MemoryDeployment();
  const { state, clock } = deployment;
  return { deployment, state, gallery: new Gallery({ state, clock }), faces: new SyntheticFaces(8, 24) };
}

describe('re-embedding', () => {
  test('gives every face a template of the new pack, then switches', async () => {
    const { deployment, state, gallery, faces } = setUp();
    await using _ = deployment;
    for (const name of ['Ada', 'Bob', 'Cyd']) await gallery.addFace(newFace(name, faces.stranger()));
    await using _worker = await startGalleryWorker(deployment);
    await using jobs = await JobClient.open(deployment);
    const steps: [number, number][] = [];
    const onProgress = (done: number, total: number) => {
      steps.push([done, total]);
    };
    await using before = await openGalleryReplica({ state, packId: 'accurate' });
    assert.equal(await reembedAll({ gallery, jobs, packId: 'accurate', parallel: 2, onProgress }), 3);
    assert.deepEqual(steps, [
      [0, 3],
      [1, 3],
      [2, 3],
      [3, 3],
    ]);
    assert.equal(await gallery.activePack(), 'accurate');
    await before.refresh();
    assert.equal(before.activePack, 'accurate');
    const { packs } = (await gallery.person('Ada')).faces[0]!;
    assert.deepEqual(packs, ['fast', 'accurate']);
    assert.equal(await reembedAll({ gallery, jobs, packId: 'accurate', parallel: 2, onProgress }), 0);
  });

  test('a face that cannot be embedded keeps the old pack answering; a repeat does only the rest', async () => {
    const { deployment, state, gallery, faces } = setUp();
    await using _ = deployment;
    await gallery.addFace(newFace('Ada', faces.stranger()));
    const { faceId } = await gallery.addFace(
      newFace('Bob', faces.stranger(), { crop: Buffer.from('bad-image') }),
    );
    await using worker = await startGalleryWorker(deployment);
    await using jobs = await JobClient.open(deployment);
    const options = { gallery, jobs, packId: 'accurate', parallel: 4, onProgress: () => {} };
    await assert.rejects(reembedAll(options), { code: 'conflict' });
    assert.equal(await gallery.activePack(), 'fast');
    await state.put(`gallery/default/crops/${faceId}.jpg`, Buffer.from('bob'));
    assert.equal(await reembedAll(options), 1);
    assert.equal(worker.jobIds.length, 3);
    assert.equal(await gallery.activePack(), 'accurate');
  });

  test('a gallery is not switched to a pack that faces have no template of', async () => {
    const { deployment, gallery, faces } = setUp();
    await using _ = deployment;
    await gallery.addFace(newFace('Ada', faces.stranger()));
    await assert.rejects(gallery.usePack('accurate'), { code: 'conflict' });
    await gallery.usePack('fast');
  });

  test('two templates of one pack for one face are one', async () => {
    const { deployment, state, gallery, faces } = setUp();
    await using _ = deployment;
    const { faceId } = await gallery.addFace(newFace('Ada', faces.stranger()));
    const template = { faceId, packId: 'accurate', embedding: faces.stranger() };
    assert.equal(await gallery.addTemplates([template]), 1);
    assert.equal(await gallery.addTemplates([{ ...template, embedding: faces.stranger() }]), 0);
    assert.equal(
      await gallery.addTemplates([{ ...template, faceId: '11111111-1111-4111-8111-111111111111' }]),
      0,
    );
    await using replica = await openGalleryReplica({ state, packId: 'accurate' });
    const [outcome] = await replica.match([{ embedding: template.embedding, sizePx: 100 }], {
      falsePositiveRate: 0.01,
    });
    assert.ok(Math.abs(outcome!.similarity! - 1) < 1e-6);
  });
});
