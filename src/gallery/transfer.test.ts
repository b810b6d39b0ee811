import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MemoryObjectStore } from '../../test/support/memory-object-store.ts';
import { newFace, SyntheticFaces } from '../../test/support/synthetic-faces.ts';
import { systemClock as clock } from '../adapters/local/system-clock.ts';
import { erasePerson } from './erasure.ts';
import { Gallery } from './gallery.ts';
import { openGalleryReplica } from './replica.ts';
import { exportGallery, importGallery } from './transfer.ts';

function emptyGallery() {
  const state = new MemoryObjectStore();
  return { state, gallery: new Gallery({ state, clock }) };
}

async function filledGallery() {
  const { state, gallery } = emptyGallery();
  const faces = new SyntheticFaces(21, 24);
  const [ada, bob] = [faces.stranger(), faces.stranger()];
  await gallery.addFace(newFace('Ada', ada, { source: 'ada/1.jpg', sizePx: 33 }));
  await gallery.addFace(newFace('Ada', faces.another(ada, 0.8)));
  const { faceId } = await gallery.addFace(newFace('Bob', bob, { externalId: 'badge 7' }));
  await gallery.change('Bob', { externalId: 'employee 7' });
  await gallery.addTemplates([
    { faceId, packId: 'accurate', embedding: new SyntheticFaces(22, 40).stranger() },
  ]);
  await gallery.usePack('fast');
  return { state, gallery, ada, bob };
}

async function exported(state: MemoryObjectStore): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of (await exportGallery({ state, clock })).bytes) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function* inPieces(bytes: Buffer, size = 1000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function imported(state: MemoryObjectStore, bytes: Buffer) {
  return importGallery({ state, clock }, { bytes: inPieces(bytes), name: 'backup.gallery' });
}

async function everything(gallery: Gallery) {
  const people = await gallery.people();
  const details = await Promise.all(people.map(({ personId }) => gallery.person(personId)));
  const crops = details.flatMap(({ faces }) => faces.map(({ faceId }) => gallery.crop(faceId)));
  const withoutTimes = details.map(({ faces, ...person }) => ({
    ...person,
    faces: faces.map(({ addedAt: _, ...face }) => face),
  }));
  return { people: withoutTimes, crops: await Promise.all(crops), activePack: await gallery.activePack() };
}

describe('export and import', () => {
  test('an empty gallery takes over everything: ids, names, faces, templates, crops, the active pack', async () => {
    const source = await filledGallery();
    const target = emptyGallery();
    const report = await imported(target.state, await exported(source.state));
    assert.deepEqual([report.people, report.faces, report.known, report.erased], [2, 3, 0, []]);
    assert.deepEqual(await everything(target.gallery), await everything(source.gallery));
    await using replica = await openGalleryReplica({ state: target.state, packId: 'fast' });
    const probes = [source.ada, source.bob].map((embedding) => ({ embedding, sizePx: 100 }));
    const outcomes = await replica.match(probes, { falsePositiveRate: 0.01 });
    assert.deepEqual(
      outcomes.map(({ person }) => person?.name),
      ['Ada', 'Bob'],
    );
  });

  test('who is not whom comes along', async () => {
    const { state, gallery } = await filledGallery();
    const ada = await gallery.person('Ada');
    const [first, second] = ada.faces.map(({ faceId }) => faceId);
    await gallery.moveFace({ faceId: first!, from: 'Ada', to: 'Bob' });
    await gallery.moveFace({ faceId: second!, from: 'Ada', to: null });
    const target = emptyGallery();
    await imported(target.state, await exported(state));
    await imported(target.state, await exported(state));
    const [theirs, bobs] = [await target.gallery.person('Ada'), await target.gallery.person('Bob')];
    assert.deepEqual(theirs.faces, []);
    assert.deepEqual(theirs.counterexamples.map(({ faceId }) => faceId).sort(), [first, second].sort());
    assert.ok(bobs.faces.some(({ faceId }) => faceId === first));
    assert.equal(bobs.externalId, 'employee 7');
  });

  test('importing twice changes nothing', async () => {
    const source = await filledGallery();
    const target = emptyGallery();
    const bytes = await exported(source.state);
    await imported(target.state, bytes);
    const before = await everything(target.gallery);
    const report = await imported(target.state, bytes);
    assert.deepEqual([report.people, report.faces, report.known], [0, 0, 3]);
    assert.deepEqual(await everything(target.gallery), before);
  });

  test('somebody of the same name is taken for the same person', async () => {
    const source = await filledGallery();
    const target = emptyGallery();
    const here = await target.gallery.addFace(newFace('Ada', new SyntheticFaces(5, 24).stranger()));
    const report = await imported(target.state, await exported(source.state));
    assert.deepEqual([report.people, report.faces], [1, 3]);
    const ada = await target.gallery.person('Ada');
    assert.deepEqual([ada.personId, ada.faces.length], [here.personId, 3]);
  });

  test('who was erased here is not brought back', async () => {
    const source = await filledGallery();
    const bytes = await exported(source.state);
    const stores = { input: new MemoryObjectStore(), output: new MemoryObjectStore(), state: source.state };
    await erasePerson({ buckets: stores, clock }, 'Ada');
    const report = await imported(source.state, bytes);
    assert.deepEqual([report.erased, report.people, report.faces, report.known], [['Ada'], 0, 0, 1]);
    assert.deepEqual(
      (await source.gallery.people()).map(({ name }) => name),
      ['Bob'],
    );
    assert.equal(source.state.keys.filter((key) => key.includes('/crops/')).length, 1);
  });

  test('a file that was cut off or altered is refused', async () => {
    const bytes = await exported((await filledGallery()).state);
    for (const length of [0, 7, 100, bytes.length - 300, bytes.length - 1]) {
      const { state } = emptyGallery();
      await assert.rejects(imported(state, bytes.subarray(0, length)), { code: 'data-corrupt' });
    }
    const altered = Buffer.from(bytes);
    altered.writeFloatLE(5, altered.length - 400);
    await assert.rejects(imported(emptyGallery().state, altered), { code: 'data-corrupt' });
  });
});
