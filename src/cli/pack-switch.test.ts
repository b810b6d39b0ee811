import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { startGalleryWorker } from '../../test/support/gallery-worker.ts';
import { MemoryDeployment } from '../../test/support/memory-deployment.ts';
import { newFace, SyntheticFaces } from '../../test/support/synthetic-faces.ts';
import { Gallery } from '../gallery/index.ts';
import { switchGallery } from './pack-switch.ts';

function setUp() {
  const deployment = new MemoryDeployment();
  const { state, clock } = deployment;
  return { deployment, gallery: new Gallery({ state, clock }), faces: new SyntheticFaces(3) };
}

describe('switchGallery', () => {
  test('an empty gallery takes any pack', async () => {
    const { deployment, gallery } = setUp();
    await using _ = deployment;
    await switchGallery(deployment, 'accurate');
    assert.equal(await gallery.activePack(), 'accurate');
  });

  test('faces that the pack has not embedded are embedded by the workers first', async () => {
    const { deployment, gallery, faces } = setUp();
    await using _ = deployment;
    await using worker = await startGalleryWorker(deployment);
    await gallery.addFace(newFace('Ada', faces.stranger(), { packId: 'fast' }));
    await switchGallery(deployment, 'accurate');
    assert.equal(await gallery.activePack(), 'accurate');
    await switchGallery(deployment, 'fast');
    assert.equal(await gallery.activePack(), 'fast');
    assert.equal(worker.jobIds.length, 1);
  });
});
