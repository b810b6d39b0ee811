import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { backoffSeconds } from './backoff.ts';

const SHAPE = { firstSeconds: 1, maxSeconds: 60 };

test('it doubles up to the maximum', () => {
  const waits = [1, 2, 3, 7, 8, 1000].map((attempt) => backoffSeconds(attempt, SHAPE, () => 0));
  assert.deepEqual(waits, [1, 2, 4, 60, 60, 60]);
});

test('property: jitter takes away at most half', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (attempt, random) => {
        const full = backoffSeconds(attempt, SHAPE, () => 0);
        const wait = backoffSeconds(attempt, SHAPE, () => random);
        assert.ok(wait >= full / 2 && wait <= full);
      },
    ),
  );
});
