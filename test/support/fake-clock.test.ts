import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FakeClock } from './fake-clock.ts';

test('sleepers wake in the order of their times, and may sleep again within one advance', async () => {
  const clock = new FakeClock(0);
  const woken: string[] = [];
  const tick = async () => {
    for (let round = 0; round < 3; round++) {
      await clock.sleep(10);
      woken.push(`tick at ${clock.now()}`);
    }
  };
  const long = clock.sleep(25).then(() => woken.push(`long at ${clock.now()}`));
  await Promise.all([tick(), long, clock.advance(100)]);
  assert.deepEqual(woken, ['tick at 10', 'tick at 20', 'long at 25', 'tick at 30']);
  assert.equal(clock.now(), 100);
});

test('aborting wakes a sleeper', async () => {
  const clock = new FakeClock();
  const abort = new AbortController();
  const slept = clock.sleep(1000, abort.signal);
  await clock.untilSleeping(1);
  abort.abort();
  await slept;
  assert.equal(clock.sleeping, 0);
  await clock.sleep(1000, abort.signal);
});

test('setting the time moves no sleeper and no stopwatch', async () => {
  const clock = new FakeClock(1_000_000);
  const before = clock.monotonic();
  clock.setNow(5);
  await clock.advance(10);
  assert.equal(clock.now(), 15);
  assert.equal(clock.monotonic() - before, 10);
});
