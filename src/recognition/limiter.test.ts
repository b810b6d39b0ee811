import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Limiter } from './limiter.ts';

test('runs so many calls at once, in order, and frees the place of one that fails', async () => {
  const limiter = new Limiter(2);
  const log: string[] = [];
  const releases: (() => void)[] = [];
  const call = (name: string) =>
    limiter.run(async () => {
      log.push(`${name} starts`);
      await new Promise<void>((resolve) => releases.push(resolve));
      if (name === 'a') throw new Error('a failed');
      log.push(`${name} ends`);
    });
  const calls = Promise.allSettled(['a', 'b', 'c'].map(call));
  assert.deepEqual(log, ['a starts', 'b starts']);
  releases[0]?.();
  await new Promise(setImmediate);
  assert.deepEqual(log, ['a starts', 'b starts', 'c starts']);
  const idle = limiter.idle();
  releases[1]?.();
  releases[2]?.();
  await idle;
  assert.deepEqual(log, ['a starts', 'b starts', 'c starts', 'b ends', 'c ends']);
  assert.deepEqual(
    (await calls).map(({ status }) => status),
    ['rejected', 'fulfilled', 'fulfilled'],
  );
  await limiter.idle();
});

test('what weighs more leaves room for less, and is not overtaken by what would fit', async () => {
  const limiter = new Limiter(4);
  const log: string[] = [];
  const releases = new Map<string, () => void>();
  const call = (name: string, weight: number) =>
    limiter.run(async () => {
      log.push(name);
      await new Promise<void>((resolve) => releases.set(name, resolve));
    }, weight);
  const calls = [call('a', 1), call('b', 2), call('large', 4), call('c', 1), call('d', 3)];
  assert.deepEqual(log, ['a', 'b']);
  releases.get('b')?.();
  await new Promise(setImmediate);
  assert.deepEqual(log, ['a', 'b']);
  releases.get('a')?.();
  await new Promise(setImmediate);
  assert.deepEqual(log, ['a', 'b', 'large']);
  releases.get('large')?.();
  await new Promise(setImmediate);
  assert.deepEqual(log, ['a', 'b', 'large', 'c', 'd']);
  releases.get('c')?.();
  releases.get('d')?.();
  await Promise.all(calls);
  await limiter.idle();
});
