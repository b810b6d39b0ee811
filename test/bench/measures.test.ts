import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { compareAll } from '../../bench/accuracy/all-pairs.ts';
import {
  bestThreshold,
  equalErrorRate,
  leaveOneFoldOut,
  type ScoredPair,
  trueMatchRate,
  wilson,
} from '../../bench/accuracy/measures.ts';

function pairs(fold: string, same: readonly number[], different: readonly number[]): ScoredPair[] {
  return [
    ...same.map((score) => ({ fold, score, isSame: true })),
    ...different.map((score) => ({ fold, score, isSame: false })),
  ];
}

test('wilson agrees with the published example: 15 of 20', () => {
  const { value, low, high } = wilson(15, 20);
  assert.deepEqual([value, low.toFixed(3), high.toFixed(3)], [0.75, '0.531', '0.888']);
});

test('the best threshold lies between the two scores that it parts', () => {
  assert.ok(Math.abs(bestThreshold(pairs('0', [0.9, 0.6], [0.4, 0.1])) - 0.5) < 1e-9);
});

describe('leaving one fold out', () => {
  test('judges each fold by the threshold of the others', () => {
    const first = pairs('0', [0.9, 0.8], [0.2, 0.1]);
    // Parted at 0.15 by itself, but the other fold says 0.5.
    const second = pairs('1', [0.2, 0.9], [0.1, 0.05]);
    const { value, byFold } = leaveOneFoldOut([...first, ...second]);
    assert.deepEqual(byFold, [0.75, 0.75]);
    assert.equal(value, 0.75);
  });

  test('needs two folds', () => assert.throws(() => leaveOneFoldOut(pairs('0', [1], [0])), RangeError));
});

test('the equal error rate is 0 when nothing overlaps, and a quarter when a quarter does', () => {
  assert.equal(equalErrorRate(pairs('0', [0.8, 0.9], [0.1, 0.2])).rate, 0);
  assert.equal(equalErrorRate(pairs('0', [0.9, 0.8, 0.7, 0.3], [0.1, 0.2, 0.25, 0.5])).rate, 0.25);
});

test('a true match rate lets no larger share of strangers pass than was asked', () => {
  const strangers = Array.from({ length: 100 }, (_, index) => index / 200);
  const scored = pairs('0', [0.9, 0.6, 0.491, 0.1], strangers);
  const strict = trueMatchRate(scored, 0.001);
  assert.deepEqual([strict.falseMatches, strict.value], [0, 0.5]);
  const generous = trueMatchRate(scored, 0.02);
  assert.deepEqual([generous.falseMatches, generous.value], [2, 0.75]);
});

test('comparing all counts each person once', () => {
  const face = (person: string, angle: number) => ({
    person,
    path: `${person}/${angle}`,
    embedding: Float32Array.of(Math.cos(angle), Math.sin(angle)),
  });
  const faces = [
    ...[0, 0.01, 0.02].map((angle) => face('ada', angle)),
    ...[1.5, 3].map((angle) => face('bob', angle)),
    face('eve', 2.2),
  ];
  const result = compareAll(faces, [0.01]);
  assert.deepEqual([result.genuinePairs, result.people, result.strangerPairs], [4, 2, 11]);
  assert.equal(result.rates[0]?.trueMatchRate, 0.5, "all of ada's pairs match, bob's one does not");
  assert.equal(result.mostAlike[0]?.b, 'bob/1.5');
});
