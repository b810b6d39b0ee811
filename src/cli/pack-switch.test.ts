import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { MemoryObjectStore } from '../../test/support/memory-object-store.ts';
import { newFace, SyntheticFaces } from '../../test/support/synthetic-faces.ts';
import { systemClock as clock } from '../adapters/local/system-clock.ts';
import { Gallery } from '../gallery/index.ts';
import { switchGallery } from './pack-switch.ts';

function setUp() {
  const state = new MemoryObjectStore();
  return { state, gallery: new Gallery({ state, clock }), faces: new SyntheticFaces(3) };
}

describe('switchGallery', () => {
  test('an empty gallery takes any pack', async () => {
    const { state, gallery } = setUp();
    await switchGallery({ state, clock }, 'accurate');
    assert.equal(await gallery.activePack(), 'accurate');
  });

  test('a gallery with faces that the pack has not embedded stays as it is', async () => {
    const { state, gallery, faces } = setUp();
    await gallery.addFace(newFace('Ada', faces.stranger(), { packId: 'fast' }));
    await assert.rejects(switchGallery({ state, clock }, 'accurate'), { code: 'conflict' });
    assert.equal(await gallery.activePack(), undefined);
    await switchGallery({ state, clock }, 'fast');
  });

  test('it switches once every face has an embedding of the pack', async () => {
    const { state, gallery, faces } = setUp();
    const { faceId } = await gallery.addFace(newFace('Ada', faces.stranger(), { packId: 'fast' }));
    await gallery.addTemplates([{ faceId, packId: 'accurate', embedding: faces.stranger() }]);
    await switchGallery({ state, clock }, 'accurate');
    assert.equal(await gallery.activePack(), 'accurate');
  });
});
