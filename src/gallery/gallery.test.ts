import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MemoryObjectStore } from '../../test/support/memory-object-store.ts';
import { newFace, SyntheticFaces } from '../../test/support/synthetic-faces.ts';
import { systemClock } from '../adapters/local/system-clock.ts';
import { UnavailableError } from '../errors.ts';
import { Gallery } from './gallery.ts';
import { openGalleryReplica } from './replica.ts';
import type { GalleryReplica, Probe } from './types.ts';

const clock = systemClock;

function setUp(seed = 1) {
  const state = new MemoryObjectStore();
  const faces = new SyntheticFaces(seed);
  return { state, faces, gallery: new Gallery({ state, clock }) };
}

function probe(embedding: Float32Array): Probe {
  return { embedding, sizePx: 100 };
}

async function nameOf(replica: GalleryReplica, embedding: Float32Array): Promise<string | undefined> {
  const [outcome] = await replica.match([probe(embedding)], { falsePositiveRate: 0.01 });
  return outcome?.person?.name;
}

describe('adding faces', () => {
  test('a name nobody has makes a person, a known name adds to them', async () => {
    const { faces, gallery } = setUp();
    const first = await gallery.addFace(newFace('Ada', faces.stranger()));
    const second = await gallery.addFace(newFace('Ada', faces.stranger()));
    const byId = await gallery.addFace(newFace(first.personId, faces.stranger()));
    assert.equal(second.personId, first.personId);
    assert.equal(byId.personId, first.personId);
    assert.deepEqual([first.version, second.version, byId.version], [1, 2, 3]);
    assert.deepEqual(await gallery.people(), [{ personId: first.personId, name: 'Ada', faces: 3 }]);
  });

  test('the same picture for the same person changes nothing, for another it does', async () => {
    const { faces, gallery, state } = setUp();
    const embedding = faces.stranger();
    const first = await gallery.addFace(newFace('Ada', embedding));
    const again = await gallery.addFace(newFace('Ada', embedding));
    assert.deepEqual(again, { ...first, isDuplicate: true, isNew: false });
    assert.equal(state.keys.filter((key) => key.includes('/crops/')).length, 1);
    const twin = await gallery.addFace(newFace('Eva', embedding));
    assert.equal(twin.isDuplicate, false);
  });

  test('the same face id is one face, and no duplicate of itself', async () => {
    const { faces, gallery } = setUp();
    const face = newFace('Ada', faces.stranger(), { faceId: '00000000-0000-4000-8000-000000000001' });
    const first = await gallery.addFace(face);
    const again = await gallery.addFace(face);
    assert.deepEqual(again, { ...first, isNew: false });
    assert.equal((await gallery.people())[0]?.faces, 1);
  });

  test('a batch is one entry', async () => {
    const { faces, gallery } = setUp();
    const batch = ['Ada', 'Bob', 'Ada'].map((name) => newFace(name, faces.stranger()));
    const added = await gallery.addFaces(batch);
    assert.equal(added[0]?.personId, added[2]?.personId);
    assert.equal(gallery.version, 1);
    assert.deepEqual(
      (await gallery.people()).map(({ name, faces: count }) => [name, count]),
      [
        ['Ada', 2],
        ['Bob', 1],
      ],
    );
  });

  test('an entry whose writing seemed to fail is found, not repeated', async () => {
    const { faces, gallery, state } = setUp();
    const face = newFace('Ada', faces.stranger(), { faceId: '00000000-0000-4000-8000-000000000002' });
    state.failNext('put', new UnavailableError('cut off'), { key: /\/log\//, afterwards: true });
    await assert.rejects(gallery.addFace(face), UnavailableError);
    const added = await gallery.addFace(face);
    assert.equal(added.version, 1);
    assert.equal((await gallery.people())[0]?.faces, 1);
  });

  test('names are kept as NFC without spaces around; odd ones are refused', async () => {
    const { faces, gallery } = setUp();
    const one = await gallery.addFace(newFace(' Zoe\u0308 ', faces.stranger()));
    const two = await gallery.addFace(newFace('Zo\u00eb', faces.stranger()));
    assert.equal(one.personId, two.personId);
    for (const name of ['', '  ', 'a\nb', 'x'.repeat(201), one.personId.toUpperCase()])
      await assert.rejects(gallery.addFace(newFace(name, faces.stranger())), { code: 'bad-request' });
  });

  test('an id that nobody ever had is not found', async () => {
    const { faces, gallery, state } = setUp();
    const unknown = '11111111-1111-4111-8111-111111111111';
    await assert.rejects(gallery.addFace(newFace(unknown, faces.stranger())), { code: 'not-found' });
    assert.deepEqual(state.keys, []);
  });
});

describe('people', () => {
  test('are renamed, but not to another person’s name', async () => {
    const { faces, gallery } = setUp();
    const { personId } = await gallery.addFace(newFace('Ada', faces.stranger()));
    await gallery.addFace(newFace('Bob', faces.stranger()));
    await gallery.rename('Ada', 'Ada Lovelace');
    await gallery.rename('Ada Lovelace', 'Ada Lovelace');
    assert.equal((await gallery.person(personId)).name, 'Ada Lovelace');
    await assert.rejects(gallery.rename(personId, 'Bob'), { code: 'conflict' });
    await assert.rejects(gallery.rename('Ada', 'Eve'), { code: 'not-found' });
  });

  test('are merged: the other id then stands for the same person', async () => {
    const { faces, gallery, state } = setUp();
    const [a, b] = [faces.stranger(), faces.stranger()];
    const ada = await gallery.addFace(newFace('Ada', a));
    const double = await gallery.addFace(newFace('A. Lovelace', b));
    await gallery.merge({ from: double.personId, into: 'Ada' });
    await gallery.merge({ from: double.personId, into: 'Ada' });
    const late = await gallery.addFace(newFace(double.personId, faces.stranger()));
    assert.equal(late.personId, ada.personId);
    assert.equal((await gallery.person(double.personId)).faces.length, 3);
    await using replica = await openGalleryReplica({ state, packId: 'fast' });
    assert.equal(await nameOf(replica, b), 'Ada');
    assert.equal(replica.people, 1);
  });

  test('a tombstone defeats adds after it, by id, by merged id, and by name if they were asked for before', async () => {
    const { faces, gallery, state } = setUp();
    const asked = clock.now() - 1000;
    const ada = await gallery.addFace(newFace('Ada', faces.stranger()));
    const double = await gallery.addFace(newFace('A. Lovelace', faces.stranger()));
    await gallery.merge({ from: double.personId, into: ada.personId });
    const burial = await gallery.bury('Ada');
    assert.deepEqual([...burial.familyIds].sort(), [ada.personId, double.personId].sort());
    assert.equal(burial.faceIds.length, 2);
    const cropsBefore = state.keys.filter((key) => key.includes('/crops/'));
    const late = newFace('Ada', faces.stranger(), { requestedAt: asked });
    for (const person of [ada.personId, double.personId, 'Ada'])
      await assert.rejects(gallery.addFace({ ...late, person }), { code: 'erased' });
    assert.deepEqual(
      state.keys.filter((key) => key.includes('/crops/')),
      cropsBefore,
    );
    const anew = await gallery.addFace({ ...late, requestedAt: clock.now() + 1 });
    assert.notEqual(anew.personId, ada.personId);
  });

  test('a face that is decided on while the person is erased does not come in, and its crop goes', async () => {
    const { faces, gallery, state } = setUp();
    const { personId } = await gallery.addFace(newFace('Ada', faces.stranger()));
    const other = new Gallery({ state, clock });
    const pause = state.pauseNext('put', { key: /\/log\// });
    const late = newFace(personId, faces.stranger(), { faceId: '00000000-0000-4000-8000-00000000000a' });
    const adding = other.addFace(late);
    await pause.reached;
    await gallery.bury(personId);
    pause.release();
    await assert.rejects(adding, { code: 'erased' });
    assert.ok(!state.keys.some((key) => key.includes('00000000000a')));
  });

  test('one face is removed', async () => {
    const { faces, gallery, state } = setUp();
    const embedding = faces.stranger();
    const { faceId } = await gallery.addFace(newFace('Ada', embedding));
    await gallery.addFace(newFace('Ada', faces.stranger()));
    await using replica = await openGalleryReplica({ state, packId: 'fast' });
    assert.equal(await nameOf(replica, embedding), 'Ada');
    await gallery.buryFace(faceId);
    await replica.refresh();
    assert.equal(await nameOf(replica, embedding), undefined);
    await assert.rejects(gallery.buryFace(faceId), { code: 'not-found' });
  });
});

describe('many writers', () => {
  test('agree on one order, and everybody sees the same gallery', async () => {
    const state = new MemoryObjectStore();
    const faces = new SyntheticFaces(7, 8);
    const names = ['Ada', 'Bob', 'Cyd', 'Dee'];
    const writers = Array.from({ length: 12 }, () => new Gallery({ state, clock }));
    await Promise.all(
      writers.flatMap((writer, at) =>
        [0, 1, 2].map((round) => writer.addFace(newFace(names[(at + round) % 4]!, faces.stranger()))),
      ),
    );
    const seen = await Promise.all(writers.map((writer) => writer.people()));
    for (const people of seen) assert.deepEqual(people, seen[0]);
    assert.deepEqual(
      seen[0]?.map(({ name, faces: count }) => [name, count]),
      names.map((name) => [name, 9]),
    );
    assert.equal(state.keys.filter((key) => key.includes('/log/')).length, 36);
    assert.deepEqual(new Set(writers.map((writer) => writer.version)), new Set([36]));
  });
});
