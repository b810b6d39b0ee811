import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { MemoryObjectStore } from '../../test/support/memory-object-store.ts';
import { newFace, SyntheticFaces } from '../../test/support/synthetic-faces.ts';
import { compactGallery } from './compaction.ts';
import { erasePerson } from './erasure.ts';
import { Gallery } from './gallery.ts';
import { openGalleryReplica } from './replica.ts';

const ELEVEN_MINUTES = 11 * 60_000;

function setUp() {
  const clock = new FakeClock();
  const state = new MemoryObjectStore({ now: () => clock.now() });
  const faces = new SyntheticFaces(3, 16);
  const gallery = new Gallery({ state, clock });
  const add = async (count: number) => {
    for (let at = 0; at < count; at++) await gallery.addFace(newFace(`Person ${at % 3}`, faces.stranger()));
  };
  const compact = (minEntries = 1) => compactGallery({ state, clock, minEntries });
  const open = () => openGalleryReplica({ state, packId: 'fast' });
  const count = (part: string) => state.keys.filter((key) => key.includes(part)).length;
  return { clock, state, faces, gallery, add, compact, open, count };
}

describe('compaction', () => {
  test('waits for a long log', async () => {
    const { add, compact, count } = setUp();
    await add(5);
    assert.deepEqual(await compact(6), { baseSequence: 0, folded: 0, deletedObjects: 0 });
    assert.equal(count('/base/'), 0);
    assert.deepEqual(await compact(5), { baseSequence: 5, folded: 5, deletedObjects: 0 });
    assert.deepEqual(await compact(1), { baseSequence: 5, folded: 0, deletedObjects: 0 });
  });

  test('changes nothing for anybody who reads', async () => {
    const { add, compact, open, gallery } = setUp();
    await add(5);
    await using early = await open();
    const people = await gallery.people();
    await compact();
    await add(2);
    await using late = await open();
    await early.refresh();
    assert.deepEqual([early.version, late.version], [7, 7]);
    assert.deepEqual([early.faces, late.faces], [7, 7]);
    assert.equal((await gallery.people()).length, people.length);
  });

  test('what was replaced stays ten minutes, then goes', async () => {
    const { add, compact, clock, count, open } = setUp();
    await add(4);
    await compact();
    await add(2);
    await clock.advance(ELEVEN_MINUTES / 2);
    await compact();
    assert.deepEqual([count('/log/'), count('/base/')], [6, 4]);
    await clock.advance(ELEVEN_MINUTES / 2);
    await compact();
    assert.deepEqual([count('/log/'), count('/base/')], [2, 4]);
    await clock.advance(ELEVEN_MINUTES / 2);
    await compact();
    assert.deepEqual([count('/log/'), count('/base/')], [0, 2]);
    await using replica = await open();
    assert.deepEqual([replica.version, replica.faces], [6, 6]);
  });

  test('a copy that slept through all that starts again from the base', async () => {
    const { add, compact, clock, open, gallery } = setUp();
    await add(2);
    await using replica = await open();
    const other = gallery;
    await add(3);
    await compact();
    await clock.advance(ELEVEN_MINUTES);
    await compact();
    await other.addFace(newFace('Late', new SyntheticFaces(9, 16).stranger()));
    assert.equal(await replica.refresh(), 6);
    assert.deepEqual([replica.faces, replica.people], [6, 4]);
  });

  test('a writer that slept with a number in hand does not fill it when it only looks free', async () => {
    const { add, compact, clock, state, faces, open, count } = setUp();
    await add(3);
    const sleeper = new Gallery({ state, clock });
    const pause = state.pauseNext('put', { key: /\/log\// });
    const adding = sleeper.addFace(newFace('Sleeper', faces.stranger()));
    await pause.reached;
    await add(3);
    await compact();
    await clock.advance(ELEVEN_MINUTES);
    await compact();
    assert.equal(count('/log/'), 0);
    await using replica = await open();
    pause.release();
    assert.equal((await adding).version, 7);
    await replica.refresh();
    assert.deepEqual([replica.version, replica.faces], [7, 7]);
    assert.deepEqual(
      state.keys.filter((key) => key.includes('/log/')),
      ['gallery/default/log/000000000007'],
    );
  });

  test('a reader that finds a sleeper’s entry before it is taken back does not count it', async () => {
    const { add, compact, clock, state, faces, open } = setUp();
    await add(3);
    await using replica = await open();
    const sleeper = new Gallery({ state, clock });
    const put = state.pauseNext('put', { key: /\/log\// });
    const adding = sleeper.addFace(newFace('Sleeper', faces.stranger()));
    await put.reached;
    await add(3);
    await compact();
    await clock.advance(ELEVEN_MINUTES);
    await compact();
    const lookBack = state.pauseNext('head', { key: /manifest/ });
    put.release();
    await lookBack.reached;
    await replica.refresh();
    assert.deepEqual([replica.version, replica.faces], [6, 6]);
    lookBack.release();
    await adding;
    await replica.refresh();
    assert.deepEqual([replica.version, replica.faces], [7, 7]);
  });

  test('of two at once one wins, and the other leaves nothing', async () => {
    const { add, compact, count, open } = setUp();
    await add(6);
    await Promise.all([compact(), compact(), compact()]);
    assert.equal(count('/base/'), 2);
    await using replica = await open();
    assert.equal(replica.faces, 6);
  });

  test('one that dies before the swap changes nothing, and what it wrote goes with the next', async () => {
    const { add, compact, state, clock, count, open } = setUp();
    await add(3);
    const pause = state.pauseNext('put', { key: /manifest/ });
    void compact();
    await pause.reached;
    await using replica = await open();
    assert.equal(replica.faces, 3);
    await add(1);
    await compact();
    await clock.advance(ELEVEN_MINUTES);
    await compact();
    assert.equal(count('/base/'), 2);
  });

  test('a reader whose segment is erased while it loads takes the new base', async () => {
    const { add, compact, state, clock, open } = setUp();
    await add(6);
    await compact();
    const pause = state.pauseNext('get', { key: /vectors/ });
    const opening = open();
    await pause.reached;
    const buckets = { input: new MemoryObjectStore(), output: new MemoryObjectStore(), state };
    await erasePerson({ buckets, clock }, 'Person 1');
    pause.release();
    await using replica = await opening;
    assert.deepEqual([replica.version, replica.people, replica.faces], [7, 2, 4]);
  });

  test('looking for something new costs two reads of no more than a head', async () => {
    const { add, compact, state, open } = setUp();
    await add(6);
    await compact();
    await using replica = await open();
    state.calls.length = 0;
    await replica.refresh();
    assert.deepEqual(
      state.calls.map(({ operation, key }) => `${operation} ${key}`),
      ['get gallery/default/log/000000000007', 'head gallery/default/manifest.json'],
    );
  });

  test('a long run of new entries is read in few rounds', async () => {
    const { add, open, state } = setUp();
    await using replica = await open();
    await add(100);
    state.calls.length = 0;
    assert.equal(await replica.refresh(), 100);
    const heads = state.calls.filter(({ operation }) => operation === 'head').length;
    assert.ok(heads <= 8, `${heads} rounds`);
  });
});
