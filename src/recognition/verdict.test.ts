import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FAST_PACK } from './packs.ts';
import { cosine, judge } from './verdict.ts';

const face = (angle: number, sizePx: number) => ({
  embedding: Float32Array.of(Math.cos(angle), Math.sin(angle)),
  quality: { sizePx },
});
const at = (falseMatchRate: number) => ({ thresholds: FAST_PACK.thresholds, falseMatchRate });

test('a verdict names the similarity, and the threshold that it is held against', () => {
  const verdict = judge([face(0, 80), face(Math.acos(0.6), 90)], at(1e-4));
  assert.ok(Math.abs(verdict.similarity - 0.6) < 1e-6);
  assert.deepEqual([verdict.isSamePerson, verdict.threshold, verdict.isExtrapolated], [true, 0.542, false]);
  assert.equal(judge([face(0, 80), face(Math.acos(0.6), 90)], at(1e-6)).isSamePerson, false);
});

test('more is asked only when both faces are small', () => {
  const threshold = (a: number, b: number) => judge([face(0, a), face(0, b)], at(1e-4)).threshold;
  assert.equal(threshold(15, 200), 0.542);
  assert.ok(threshold(15, 15) > 0.6);
});

test('the cosine of a unit vector with itself is 1, with its opposite -1', () => {
  const { embedding } = face(0.7, 1);
  assert.ok(Math.abs(cosine(embedding, embedding) - 1) < 1e-6);
  assert.ok(
    Math.abs(
      cosine(
        embedding,
        embedding.map((value) => -value),
      ) + 1,
    ) < 1e-6,
  );
});
