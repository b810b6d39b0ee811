import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { Batcher } from './batcher.ts';

test('what comes in one turn, or while a call is under way, goes out together', async () => {
  const calls: (readonly number[])[] = [];
  const first = Promise.withResolvers<void>();
  const batcher = new Batcher<number>((items) => {
    calls.push(items);
    return calls.length === 1 ? first.promise : Promise.resolve();
  });
  const all = [1, 2].map((item) => batcher.add(item));
  await setImmediate();
  assert.deepEqual(calls, [[1, 2]]);
  all.push(...[3, 4].map((item) => batcher.add(item)));
  first.resolve();
  await Promise.all(all);
  assert.deepEqual(calls, [
    [1, 2],
    [3, 4],
  ]);
});

test('a call that fails fails its own items only', async () => {
  const batcher = new Batcher<number>((items) =>
    items.includes(2) ? Promise.reject(new Error('two')) : Promise.resolve(),
  );
  const first = batcher.add(1);
  await setImmediate();
  const settled = await Promise.allSettled([first, batcher.add(2), batcher.add(3)]);
  assert.deepEqual(
    settled.map(({ status }) => status),
    ['fulfilled', 'rejected', 'rejected'],
  );
  await batcher.add(4);
});

test('property: every item is called for once, in order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.array(fc.nat(), { maxLength: 20 }), async (scheduler, items) => {
      const called: number[] = [];
      const call = scheduler.scheduleFunction(async (batch: readonly number[]) => {
        called.push(...batch);
      });
      const batcher = new Batcher<number>(call);
      const all = Promise.all(items.map((item) => batcher.add(item)));
      await scheduler.waitFor(all);
      assert.deepEqual(called, items);
    }),
    { numRuns: 50 },
  );
});
