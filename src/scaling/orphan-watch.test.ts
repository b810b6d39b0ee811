import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FakeClock } from '../../test/support/fake-clock.ts';
import type { Instance } from '../ports/fleet.ts';
import { HeartbeatBook } from './heartbeat-book.ts';
import { OrphanWatch } from './orphan-watch.ts';
import { SlotWatch } from './slot-watch.ts';
import { scalingTimings } from './timings.ts';

const basis = { roundMs: 250, listingLagMs: 2000, visibilityTimeoutSeconds: 30, bootSeconds: 1 };
const timings = scalingTimings(basis);

const watch = async (ageMs: number) => {
  const clock = new FakeClock();
  const beats = new HeartbeatBook(clock);
  const orphans = new OrphanWatch(clock, timings, new SlotWatch(clock, timings, beats));
  const launchedAt = new Date(clock.now() - ageMs);
  const orphan: Instance = { id: 'i-1', slot: 1, generation: 1, state: 'stopped', launchedAt };
  const looks = async (listing: readonly Instance[]) => {
    await clock.advance(timings.roundMs);
    return orphans.mayEnd(listing, listing, clock.monotonic()).map(({ id }) => id);
  };
  return { orphan, looks };
};

it('ends an orphan that has nothing to do any more when it is listed a second time, as a list may be older than the books', async () => {
  const { orphan, looks } = await watch(2 * timings.orphanMs);
  assert.deepEqual(await looks([orphan]), []);
  assert.deepEqual(await looks([orphan]), ['i-1']);
});

it('begins anew with an orphan that a list has not shown', async () => {
  const { orphan, looks } = await watch(2 * timings.orphanMs);
  assert.deepEqual(await looks([orphan]), []);
  assert.deepEqual(await looks([]), []);
  assert.deepEqual(await looks([orphan]), []);
});

it('leaves one alone that is not a minute old', async () => {
  const { orphan, looks } = await watch(timings.orphanMs - 3 * timings.roundMs);
  assert.deepEqual(await looks([orphan]), []);
  assert.deepEqual(await looks([orphan]), []);
  assert.deepEqual(await looks([orphan]), ['i-1']);
});
