import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { comparePositions, type PeoplePosition, SortedPeople } from './sorted-people.ts';

const WORDS = ['ada', 'adam', 'émile', 'zoë', '名前', 'b', 'lovelace', 'x-1'];

/** Thousands, so that there are many blocks, that fill up, divide and run empty. */
const many = fc
  .array(fc.tuple(fc.constantFrom(...WORDS), fc.constantFrom(...WORDS), fc.nat(2000)), {
    minLength: 1500,
    maxLength: 4000,
    size: 'max',
  })
  .map((names) => names.map(([one, other, number], at) => positionOf(`${one} ${other} ${number}`, at)));

function positionOf(sortKey: string, at: number): PeoplePosition {
  return { sortKey, personId: String(at).padStart(6, '0') };
}

test('property: what is inserted and deleted in any order is found as in a sorted list', async () => {
  await fc.assert(
    fc.asyncProperty(many, fc.integer({ min: 0, max: 9 }), fc.nat(), async (entries, tenths, place) => {
      const loaded = Math.floor((entries.length * tenths) / 10);
      const people = await SortedPeople.sort(entries.slice(0, loaded));
      for (const entry of entries.slice(loaded)) people.insert(entry);
      // Every other one of the first half of the order: whole blocks shrink, none beside them.
      const order = entries.toSorted(comparePositions);
      const gone = new Set(order.filter((_, at) => at < order.length / 2 && (at + place) % 7 !== 0));
      for (const entry of gone) people.delete(entry);
      for (const entry of gone) people.delete(entry);
      const expected = order.filter((entry) => !gone.has(entry));
      assert.equal(people.size, expected.length);
      assert.deepEqual([...people.after(undefined, [])], expected);
      const from = order[place % order.length]!;
      for (const words of [[], ['ada'], ['e', 'ada'], ['前'], ['1', '名前 b'], ['nobody']]) {
        const found = expected.filter(
          (entry) => comparePositions(entry, from) > 0 && words.every((word) => entry.sortKey.includes(word)),
        );
        assert.deepEqual([...people.after(from, words)], found, words.join(' '));
      }
    }),
    { numRuns: 15 },
  );
});

test('nobody is in an empty list, and one who runs empty takes somebody again', () => {
  const people = new SortedPeople();
  const ada = positionOf('ada', 1);
  people.delete(ada);
  assert.deepEqual([...people.after(ada, ['a'])], []);
  people.insert(ada);
  people.delete(ada);
  people.insert(ada);
  assert.deepEqual([...people.after(undefined, ['da'])], [ada]);
});
