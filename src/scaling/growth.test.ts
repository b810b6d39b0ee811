import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { silentLogger } from '../logger.ts';
import { accrue } from './budget.ts';
import { emptyFleetState, emptySlot, type FleetState, type SlotRecord, withSlot } from './fleet-state.ts';
import { Growth } from './growth.ts';
import { Pacer, PROBE } from './pacer.ts';
import type { Observed, ScalingAction } from './policy.ts';
import { scalingTimings } from './timings.ts';

const timings = scalingTimings({
  roundMs: 1000,
  listingLagMs: 0,
  visibilityTimeoutSeconds: 30,
  bootSeconds: 0,
});

class Stage {
  readonly clock = new FakeClock();
  readonly pacer = new Pacer(this.clock, timings);
  readonly growth: Growth;
  state: FleetState = emptyFleetState();

  constructor({ perHour = null as number | null } = {}) {
    const { clock, pacer } = this;
    const caps = { perHour, perDay: null };
    this.growth = new Growth({ caps, pacer, timings, clock, logger: silentLogger });
    this.state = { ...this.state, spending: accrue(this.state.spending, 0, clock.now()) };
  }

  put(slot: number, parts: Partial<SlotRecord>): void {
    this.state = withSlot(this.state, { ...emptySlot(slot), generation: 1, wasReady: true, ...parts });
  }

  observed({ completed = 0, visible = 5 } = {}): Observed {
    const running = this.state.slots.filter(({ phase }) => phase === 'running');
    return {
      nowMs: this.clock.monotonic(),
      queue: { visible, inFlight: 0, delayed: 0 },
      queueAgeSeconds: 0,
      isFleetKnown: true,
      fleetAgeSeconds: 0,
      instances: running.map(({ slot }) => ({
        slot,
        phase: 'ready',
        activity: 'busy',
        busyCount: 1,
        ageSeconds: 1,
        source: 'launch',
      })),
      freeSlots: [],
      stoppedSlots: [],
      arrivals: [],
      completed,
      serviceSeconds: 1,
      concurrency: 1,
      bootSeconds: { launch: 1, start: 1 },
    };
  }

  /** What is left of these actions. */
  allow(actions: readonly ScalingAction[], { max = 10, orphans = 0 } = {}): string {
    const observed = this.observed();
    const { state } = this;
    const allowed = this.growth.allow(actions, { state, observed, limits: { maxInstances: max }, orphans });
    return allowed.map(({ kind, slot }) => `${kind} ${slot}`).join(', ');
  }

  get brakes(): string {
    return this.state.brakes.map(({ kind }) => kind).join();
  }
}

const launches = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ kind: 'launch' as const, slot: index + 5 }));

describe('growth', () => {
  it('is free where nothing holds it back', () => {
    const stage = new Stage();
    assert.equal(stage.allow(launches(3)), 'launch 5, launch 6, launch 7');
    assert.equal(stage.growth.trials(stage.state), Number.POSITIVE_INFINITY);
    stage.state = stage.growth.watch(stage.state, stage.observed());
    assert.equal(stage.brakes, '');
  });

  it('stops, and so does shrinking, while an operator has paused it', () => {
    const stage = new Stage();
    stage.state = { ...stage.state, pausedAt: 1 };
    assert.equal(stage.allow([{ kind: 'drain', slot: 1 }, ...launches(1)]), '');
  });

  it('counts all that live, drain, end and belong to no slot', () => {
    const stage = new Stage();
    stage.put(1, { phase: 'running' });
    stage.put(2, { phase: 'draining' });
    stage.put(3, { phase: 'ending' });
    stage.put(4, { phase: 'stopped' });
    assert.equal(stage.allow(launches(9), { max: 5 }), 'launch 5, launch 6');
    assert.equal(stage.allow(launches(9), { max: 5, orphans: 1 }), 'launch 5');
    assert.equal(stage.allow([{ kind: 'start', slot: 4 }, ...launches(9)], { max: 4 }), 'start 4');
    assert.equal(stage.allow([{ kind: 'undrain', slot: 2 }, ...launches(9)], { max: 3 }), 'undrain 2');
  });

  it('sets instance-seconds aside before a launch, and stops when the cap is reached', () => {
    const stage = new Stage({ perHour: 180 });
    assert.equal(stage.allow(launches(9)), 'launch 5, launch 6, launch 7');
    stage.put(1, { phase: 'launching', reservedUntil: stage.growth.reservedUntil() });
    stage.put(2, { phase: 'running', reservedUntil: stage.growth.reservedUntil() });
    assert.equal(stage.allow([{ kind: 'undrain', slot: 1 }, ...launches(9)]), 'undrain 1');
    stage.put(3, { phase: 'running', reservedUntil: stage.growth.reservedUntil() });
    assert.equal(stage.allow([{ kind: 'undrain', slot: 1 }, ...launches(9)]), '');
    assert.equal(stage.allow([{ kind: 'drain', slot: 1 }]), 'drain 1', 'it holds nobody');
    stage.state = stage.growth.watch(stage.state, stage.observed());
    assert.equal(stage.brakes, 'cost');
    assert.match(stage.state.brakes[0]?.reason ?? '', /0 of 180/);
    assert.equal(stage.growth.watch(stage.state, stage.observed()), stage.state, 'which is no news again');
  });

  it('has room again when what was set aside was not needed, and in the next hour', async () => {
    const stage = new Stage({ perHour: 60 });
    stage.put(1, { phase: 'running', reservedUntil: stage.growth.reservedUntil() });
    assert.equal(stage.allow(launches(1)), '');
    stage.put(1, { phase: 'empty' });
    assert.equal(stage.allow(launches(1)), 'launch 5');
    stage.state = { ...stage.state, spending: accrue(stage.state.spending, 1, stage.clock.now() + 30_000) };
    assert.equal(stage.allow(launches(1)), '');
    stage.state = {
      ...stage.state,
      spending: accrue(stage.state.spending, 0, stage.clock.now() + 3_600_000),
    };
    assert.equal(stage.allow(launches(1)), 'launch 5');
  });

  it('is one trial at a time after three instances that did not come up', async () => {
    const stage = new Stage();
    stage.state = { ...stage.state, crashStreak: 3 };
    assert.equal(stage.growth.trials(stage.state), 1);
    stage.put(1, { phase: 'launching', wasReady: false });
    assert.equal(stage.growth.trials(stage.state), 0);
    stage.put(1, { phase: 'running', wasReady: false });
    assert.equal(stage.growth.trials(stage.state), 0);
    stage.put(1, { phase: 'empty' });
    const waits = Array.from({ length: 14 }, (_, index) => stage.pacer.putOff(PROBE, index + 1));
    assert.deepEqual(waits.slice(0, 4), [1000, 2000, 4000, 8000]);
    assert.equal(waits.at(-1), 600_000);
    assert.equal(stage.growth.trials(stage.state), 0);
    await stage.clock.advance(600_000);
    assert.equal(stage.growth.trials(stage.state), 1);
    stage.state = stage.growth.watch(stage.state, stage.observed());
    assert.equal(stage.brakes, 'boot');
    stage.state = stage.growth.watch({ ...stage.state, crashStreak: 0 }, stage.observed());
    assert.equal(stage.brakes, '');
  });

  it('stops at what there is when it brings nothing, and goes on by itself', async () => {
    const stage = new Stage();
    let completed = 0;
    const work = async (seconds: number, perSecond: number, visible = 5) => {
      for (let second = 0; second < seconds; second++) {
        await stage.clock.advance(1000);
        completed += perSecond;
        stage.state = stage.growth.watch(stage.state, stage.observed({ completed, visible }));
      }
    };
    stage.put(1, { phase: 'running' });
    await work(90, 1);
    stage.put(2, { phase: 'running' });
    stage.put(3, { phase: 'running' });
    await work(62, 1);
    assert.equal(stage.brakes, 'progress');
    assert.equal(stage.allow(launches(4)), '');
    stage.put(3, { phase: 'empty' });
    assert.equal(stage.allow(launches(4)), 'launch 5', 'one that is gone is replaced');
    await work(1, 0, 0);
    assert.equal(stage.brakes, '');
  });
});
