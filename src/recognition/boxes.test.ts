import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { blend, overlap, overlapOfSmaller, squareAround, suppress } from './boxes.ts';

const box = (x: number, y: number, width: number, height = width) => ({ x, y, width, height });

test('overlap is the share of the union, overlapOfSmaller that of the smaller box', () => {
  assert.equal(overlap(box(0, 0, 10), box(5, 0, 10)), 50 / 150);
  assert.equal(overlap(box(0, 0, 10), box(10, 0, 10)), 0);
  assert.equal(overlapOfSmaller(box(0, 0, 10), box(2, 2, 5)), 1);
  assert.equal(overlapOfSmaller(box(0, 0, 10), box(20, 2, 5)), 0);
});

test('squareAround keeps the centre', () => {
  assert.deepEqual(squareAround(box(10, 20, 40, 80), 1.5), box(-30, 0, 120));
});

describe('blend', () => {
  test('replaces boxes that overlap by their mean, weighted by score, under the best score', () => {
    const found = [
      { box: box(4, 0, 10), score: 0.25 },
      { box: box(0, 0, 10), score: 0.75 },
      { box: box(50, 50, 10), score: 0.5 },
    ];
    assert.deepEqual(blend(found, 0.3), [
      { box: box(1, 0, 10), score: 0.75 },
      { box: box(50, 50, 10), score: 0.5 },
    ]);
  });

  test('nothing found is nothing', () => assert.deepEqual(blend([], 0.3), []));
});

test('suppress keeps the best of each group', () => {
  const found = [
    { name: 'inner', box: box(2, 2, 5), rank: 0.8 },
    { name: 'outer', box: box(0, 0, 10), rank: 0.9 },
    { name: 'apart', box: box(30, 0, 10), rank: 0.1 },
  ];
  const kept = suppress(found, ({ rank }) => rank, { limit: 0.7, measure: overlapOfSmaller });
  assert.deepEqual(
    kept.map(({ name }) => name),
    ['outer', 'apart'],
  );
});
