import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DiskPace } from './disk-pace.ts';

test('a disk is quick once most of its syncs are, whatever a few of them take', () => {
  const pace = new DiskPace();
  assert.equal(pace.isQuick, false);
  for (let sync = 0; sync < 100; sync++) pace.note(sync % 4 === 0 ? 30 : 0.2);
  assert.equal(pace.isQuick, true);
  for (let sync = 0; sync < 40; sync++) pace.note(10);
  assert.equal(pace.isQuick, false);
  for (let sync = 0; sync < 1000; sync++) pace.note(sync % 4 === 0 ? 0.2 : 1.5);
  assert.equal(pace.isQuick, false);
});
