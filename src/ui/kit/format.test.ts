import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ago, bytes, count, duration, figure } from './format.ts';

test('times are told in few figures', () => {
  const told = [0.4, 8, 999.6, 1440, 42_000, 100_000, 3 * 3_600_000, 72 * 3_600_000].map(duration);
  assert.deepEqual(told, ['0 ms', '8 ms', '1.0 s', '1.4 s', '42 s', '2 min', '3 h', '3 days']);
  assert.equal(ago(1000, 1500), 'just now');
  assert.equal(ago(1000, 13_000), '12 s ago');
});

test('counts agree with what is counted', () => {
  assert.equal(count(1, 'face'), '1 face');
  assert.equal(count(1200, 'person', 'people'), '1,200 people');
});

test('figures are short', () => {
  assert.deepEqual([0, 7, 7.25, 123.4].map(figure), ['0', '7', '7.3', '123']);
  assert.deepEqual([10, 5 << 20, 400 << 20].map(bytes), ['1 KB', '5.0 MB', '400 MB']);
});
