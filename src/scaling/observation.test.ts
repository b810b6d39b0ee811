import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { emptyFleetState } from './fleet-state.ts';
import type { Heartbeat } from './heartbeat.ts';
import { HeartbeatBook } from './heartbeat-book.ts';
import { Observer } from './observation.ts';
import { scalingTimings } from './timings.ts';

const TIMINGS = scalingTimings({
  roundMs: 1000,
  listingLagMs: 2000,
  visibilityTimeoutSeconds: 30,
  bootSeconds: 26,
});
const CIRCUMSTANCES = {
  ...{ freeSlots: [], stoppedSlots: [], concurrency: 1 },
  ...{ bootSeconds: 26, arrivalsKeptSeconds: 60 },
};

/** An observer of one worker that does a job a second, and what it has seen come. */
function scene() {
  const clock = new FakeClock();
  const beats = new HeartbeatBook(clock);
  const observer = new Observer(clock, TIMINGS, beats);
  const worker = { instanceId: 'i-1', slot: 1, generation: 1, state: 'running', concurrency: 1 };
  return {
    clock,
    tell: (busy: number, done: number) =>
      void beats.note({ ...worker, busy, done, serviceSeconds: 1 } as Heartbeat),
    cameBy: (visible: number, inFlight: number) => {
      const sight = { instances: [], queue: { visible, inFlight, delayed: 0 } };
      const { arrivals } = observer.observed(emptyFleetState(), sight, CIRCUMSTANCES);
      return arrivals.reduce((sum, { count }) => sum + count, 0);
    },
  };
}

describe('arrivals are told from counts', () => {
  it('and from what a worker has done since it last told, while others waited', async () => {
    const { clock, tell, cameBy } = scene();
    tell(1, 0);
    assert.equal(cameBy(10, 1), 11);
    await clock.advance(1000);
    assert.equal(cameBy(9, 1), 11);
    await clock.advance(1000);
    assert.equal(cameBy(9, 1), 12);
    tell(1, 2);
    assert.equal(cameBy(9, 1), 12);
  });

  it('but not from what it might have done while none did', async () => {
    const { clock, tell, cameBy } = scene();
    tell(1, 0);
    assert.equal(cameBy(0, 1), 1);
    await clock.advance(2000);
    // It has done one and has told of none; five more have come.
    assert.equal(cameBy(4, 1), 5);
    tell(1, 1);
    assert.equal(cameBy(4, 1), 6);
  });
});
