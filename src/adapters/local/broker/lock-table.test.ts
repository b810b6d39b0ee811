import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LockTable } from './lock-table.ts';

/** A table whose grants are noted in their order. */
function lockTable({ graceMs = 0 } = {}) {
  const table = new LockTable({ graceMs });
  const granted: string[] = [];
  const owners: Readonly<Record<string, object>> = { a: {}, b: {}, c: {}, holder: {}, new: {} };
  const ownerOf = (name: keyof typeof owners) => owners[name] ?? assert.fail(`no owner ${name}`);
  const ask = (owner: string, id: number, { name = 'lock', isReclaim = false } = {}) =>
    table.request({
      owner: ownerOf(owner),
      id,
      name,
      isReclaim,
      onGranted: () => granted.push(`${owner}${id}`),
    });
  return { table, granted, ask, ownerOf };
}

test('a lock is held by one, and goes round in the order it was asked for', () => {
  const { table, granted, ask, ownerOf } = lockTable();
  ask('a', 1);
  ask('b', 1);
  ask('a', 2);
  ask('c', 1, { name: 'another lock' });
  assert.deepEqual(granted, ['a1', 'c1']);
  table.release(ownerOf('a'), 1);
  table.release(ownerOf('b'), 1);
  assert.deepEqual(granted, ['a1', 'c1', 'b1', 'a2']);
});

test('who stops waiting is passed over, and giving back what one has not is nothing', () => {
  const { table, granted, ask, ownerOf } = lockTable();
  ask('a', 1);
  ask('b', 1);
  ask('c', 1);
  table.release(ownerOf('b'), 1);
  table.release(ownerOf('b'), 7);
  assert.deepEqual(granted, ['a1']);
  table.release(ownerOf('a'), 1);
  assert.deepEqual(granted, ['a1', 'c1']);
});

test('an owner that is gone leaves all its locks and all its waits', () => {
  const { table, granted, ask, ownerOf } = lockTable();
  ask('a', 1);
  ask('a', 2, { name: 'another lock' });
  ask('b', 1);
  ask('a', 3);
  ask('c', 1);
  table.releaseAll(ownerOf('a'));
  assert.deepEqual(granted, ['a1', 'a2', 'b1']);
  table.release(ownerOf('b'), 1);
  assert.deepEqual(granted, ['a1', 'a2', 'b1', 'c1']);
});

test('after a broker that died its holders go first', async () => {
  const { granted, ask } = lockTable({ graceMs: 20 });
  ask('new', 1);
  ask('holder', 1, { isReclaim: true });
  ask('new', 2, { name: 'free' });
  assert.deepEqual(granted, ['holder1']);
  while (granted.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(granted, ['holder1', 'new2']);
});
