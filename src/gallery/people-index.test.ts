import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MemoryObjectStore } from '../../test/support/memory-object-store.ts';
import { newFace, SyntheticFaces } from '../../test/support/synthetic-faces.ts';
import { systemClock as clock } from '../adapters/local/system-clock.ts';
import { compactGallery } from './compaction.ts';
import { Gallery } from './gallery.ts';
import { foldName, PeopleIndex, type PeoplePosition } from './people-index.ts';

function indexed(state = new MemoryObjectStore()) {
  const index = new PeopleIndex();
  return { state, index, gallery: new Gallery({ state, clock, observer: index }) };
}

/** All pages one after another. */
function everybody(index: PeopleIndex, limit: number, search?: string) {
  const names: string[] = [];
  let after: PeoplePosition | undefined;
  do {
    const query = { limit, ...(after === undefined ? {} : { after }), ...(search ? { search } : {}) };
    const page = index.page(query);
    assert.ok(page.people.length <= limit);
    names.push(...page.people.map(({ name }) => name));
    after = page.next;
  } while (after !== undefined);
  return names;
}

const name = fc.constantFrom('Ada', 'ada L', 'Émile', 'Emil', 'Zoë', 'zoe', 'Bob B', 'Åsa', '名前', 'x-1');
const change = fc.oneof(
  fc.record({ do: fc.constant('add' as const), name }),
  fc.record({ do: fc.constant('face' as const), name }),
  fc.record({ do: fc.constant('rename' as const), name, to: name }),
  fc.record({ do: fc.constant('merge' as const), name, to: name }),
  fc.record({ do: fc.constant('bury' as const), name }),
  fc.record({ do: fc.constant('compact' as const) }),
);
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

async function carryOut(one: Change, gallery: Gallery, faces: SyntheticFaces, state: MemoryObjectStore) {
  try {
    if (one.do === 'add') await gallery.addPerson({ name: one.name });
    if (one.do === 'face') await gallery.addFace(newFace(one.name, faces.stranger()));
    if (one.do === 'rename') await gallery.rename(one.name, one.to);
    if (one.do === 'merge') await gallery.merge({ from: one.name, into: one.to });
    if (one.do === 'bury') await gallery.bury(one.name);
    if (one.do === 'compact') await compactGallery({ state, clock, minEntries: 1 });
  } catch (error) {
    assert.match((error as { code?: string }).code ?? '', /^(not-found|conflict|erased)$/);
  }
}

test('property: pages of any size hold everybody once, in order, with their faces, whatever happened', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { maxLength: 30 }),
      fc.integer({ min: 1, max: 5 }),
      async (changes, limit) => {
        const { state, gallery, index } = indexed();
        const other = indexed(state);
        const faces = new SyntheticFaces(1, 4);
        for (const [at, one] of changes.entries())
          await carryOut(one, at % 2 === 0 ? gallery : other.gallery, faces, state);
        const fresh = indexed(state);
        for (const one of [{ gallery, index }, other, fresh]) {
          const people = await one.gallery.people();
          const sorted = people
            .map((person) => person.name)
            .sort((a, b) => {
              const [left, right] = [foldName(a), foldName(b)];
              return left < right ? -1 : left > right ? 1 : 0;
            });
          const listed = everybody(one.index, limit);
          assert.deepEqual(listed.map(foldName), sorted.map(foldName));
          assert.deepEqual([...listed].sort(), [...sorted].sort());
          assert.equal(one.index.size, people.length);
          for (const { personId, faces: count } of people) {
            const found = one.index.find(personId);
            assert.equal(found?.faces, count);
            assert.equal(found?.firstFaceId === undefined, count === 0);
          }
        }
      },
    ),
    { numRuns: 40 },
  );
});

test('a search takes words in any order, without case and accents, and whole ids', async () => {
  const { gallery, index } = indexed();
  const { personId } = await gallery.addPerson({ name: 'Émile Zola', externalId: 'No. 7' });
  await gallery.addPerson({ name: 'Emil Nolde' });
  await gallery.addPerson({ name: 'Ada' });
  assert.deepEqual(everybody(index, 1, 'EMIL'), ['Emil Nolde', 'Émile Zola']);
  assert.deepEqual(everybody(index, 10, ' zola  em '), ['Émile Zola']);
  assert.deepEqual(everybody(index, 10, 'No. 7'), ['Émile Zola']);
  assert.deepEqual(everybody(index, 10, personId), ['Émile Zola']);
  assert.deepEqual(everybody(index, 10, 'nobody'), []);
});

test('a page goes on where the one before ended though people come and go', async () => {
  const { gallery, index } = indexed();
  for (const one of ['b', 'd', 'f', 'h']) await gallery.addPerson({ name: one });
  const { next } = index.page({ limit: 2 });
  await gallery.bury('d');
  await gallery.addPerson({ name: 'a' });
  await gallery.addPerson({ name: 'e' });
  assert.ok(next !== undefined);
  assert.deepEqual(
    index.page({ limit: 9, after: next }).people.map((person) => person.name),
    ['e', 'f', 'h'],
  );
});
