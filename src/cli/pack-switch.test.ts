import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { startGalleryWorker } from '../../test/support/gallery-worker.ts';
import { MemoryDeployment } from '../../test/support/memory-deployment.ts';
import { PeopleService } from '../../test/support/people-service.ts';
import { newFace, SyntheticFaces } from '../../test/support/synthetic-faces.ts';
import { pictureOf } from '../../test/support/web-service.ts';
import { FacefleetClient, type GalleryClient } from '../client/index.ts';
import { Gallery, GalleryDirectory } from '../gallery/index.ts';
import { switchGalleries } from './pack-switch.ts';

function setUp() {
  const deployment = new MemoryDeployment();
  const { state, clock } = deployment;
  return { deployment, gallery: new Gallery({ state, clock }), faces: new SyntheticFaces(3) };
}

describe('switchGalleries', () => {
  test('an empty gallery takes any pack', async () => {
    const { deployment, gallery } = setUp();
    await using _ = deployment;
    await switchGalleries(deployment, 'accurate');
    assert.equal(await gallery.activePack(), 'accurate');
  });

  test('faces that the pack has not embedded are embedded by the workers first', async () => {
    const { deployment, gallery, faces } = setUp();
    await using _ = deployment;
    await using worker = await startGalleryWorker(deployment);
    await gallery.addFace(newFace('Ada', faces.stranger(), { packId: 'fast' }));
    await switchGalleries(deployment, 'accurate');
    assert.equal(await gallery.activePack(), 'accurate');
    await switchGalleries(deployment, 'fast');
    assert.equal(await gallery.activePack(), 'fast');
    assert.equal(worker.jobIds.length, 1);
  });

  test('every gallery is switched, with all of its faces', async () => {
    await using service = await PeopleService.start();
    const { deployment } = service;
    const { state, clock } = deployment;
    const client = new FacefleetClient({ url: service.web.tier.url });
    await client.createGallery('club');
    await client.createGallery('empty');
    await enrol(client, 'Bob', 'bob');
    await enrol(client.gallery('club'), 'Ada', 'ada');
    await enrol(client.gallery('club'), 'Grace', 'grace');

    await switchGalleries(deployment, 'accurate');
    const entries = await new GalleryDirectory({ state, clock }).list();
    assert.deepEqual(
      entries.map(({ name }) => name),
      ['default', 'club', 'empty'],
    );
    for (const { name, galleryId } of entries) {
      const gallery = new Gallery({ state, clock, name: galleryId });
      assert.equal(await gallery.activePack(), 'accurate', name);
      assert.deepEqual(await gallery.facesWithout('accurate'), [], name);
    }
  });
});

async function enrol(gallery: GalleryClient, name: string, word: string): Promise<void> {
  const { person } = await gallery.createPerson({ name });
  const { pictures } = await gallery.addFaces(person.id, [new Uint8Array(pictureOf(word))]);
  assert.equal(pictures[0]?.verdict, 'enrolled', JSON.stringify(pictures));
}
