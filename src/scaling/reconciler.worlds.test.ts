import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { stateOf } from '../../test/support/fault-world/cloud.ts';
import { FaultWorld } from '../../test/support/fault-world/fault-world.ts';
import { type Setting, setting } from '../../test/support/fault-world/schedule.ts';
import { FleetWorld, TIMINGS } from '../../test/support/fleet-world.ts';
import { drainSlot } from './operator.ts';

/** A world in which nothing goes wrong. */
const CALM: Setting = {
  seed: 1,
  min: 0,
  max: 4,
  warmPool: 0,
  canStop: true,
  isProcess: false,
  isOneMachine: false,
  idleSeconds: 2,
  billingMinimumSeconds: 0,
  bootMs: 2000,
  pendingMs: 500,
  serviceMs: 1000,
  crashShare: 0,
  hangShare: 0,
  listLagMs: 0,
  countLagMs: null,
  latencyMs: 0,
  hints: false,
  capSeconds: null,
  hasClockJumps: false,
};

/** Runs until it is so; fails after so many simulated seconds. */
async function until(world: FaultWorld, what: string, isSo: () => boolean, withinSeconds = 200) {
  for (let second = 0; second < withinSeconds && !isSo(); second++) await world.run(1);
  assert.ok(isSo(), what);
}

describe('work that waits', () => {
  it('has somebody launched within two rounds, or two looks where counts are late, or one with a hint', async () => {
    await fc.assert(
      fc.asyncProperty(setting, fc.integer({ min: 1, max: 20 }), async (any, jobs) => {
        const world = new FaultWorld({ ...any, min: 0, latencyMs: 0, capSeconds: null, warmPool: 0 });
        await world.run(5);
        world.send(jobs);
        const isLate = any.countLagMs !== null;
        const lookSeconds = isLate && !any.hints ? (any.countLagMs ?? 0) / 1000 + 1 : 0;
        await world.run(2 + lookSeconds);
        assert.ok(world.cloud.machines.length > 0);
      }),
      { numRuns: 60 },
    );
  });
});

describe('the cost cap', () => {
  it('stops launches, never work, and says so', async () => {
    const world = new FaultWorld({ ...CALM, capSeconds: 150, serviceMs: 2000 });
    world.send(150);
    await until(world, 'it is reached', () => world.cloud.machines.length === 2);
    await world.run(60);
    assert.equal(world.cloud.machines.length, 2, 'a third would not fit');
    assert.deepEqual(
      (await world.books()).brakes.map(({ kind }) => kind),
      ['cost'],
    );
    await until(world, 'all work is done by those that live', () => world.queue.isEmpty, 400);
    assert.deepEqual(world.queue.lost(), []);
    await until(world, 'they go', () => world.cloud.living.length === 0);
    world.send(5);
    await world.run(60);
    assert.equal(world.cloud.living.length, 0, 'nothing is launched in the same hour');
    await world.run(3600);
    assert.ok(world.queue.isEmpty, 'the next hour has a cap of its own');
  });
});

describe('the warm pool', () => {
  it('keeps drained instances stopped, and starts them before others are launched', async () => {
    const world = new FaultWorld({ ...CALM, warmPool: 1, serviceMs: 2500 });
    world.send(40);
    await until(world, 'all is done', () => world.queue.isEmpty);
    const isStill = () => world.cloud.living.length === 0;
    await until(world, 'all are gone or stopped', isStill);
    const stopped = world.cloud.machines.filter((machine) => stateOf(machine) === 'stopped');
    assert.equal(stopped.length, 1);
    const launched = world.cloud.machines.length;
    world.send(1);
    await until(world, 'it is done', () => world.queue.isEmpty);
    assert.equal(world.cloud.machines.length, launched, 'the stopped one did it');
    await until(world, 'it is stopped again', isStill);
    assert.equal(stateOf(stopped[0]!), 'stopped');
  });

  it('is none where instances cannot be stopped', async () => {
    const world = new FaultWorld({ ...CALM, warmPool: 2, canStop: false });
    world.send(5);
    await until(world, 'all is done', () => world.queue.isEmpty);
    await until(world, 'all are gone', () => world.cloud.living.length === 0);
    assert.ok(world.cloud.machines.every((machine) => stateOf(machine) === 'terminated'));
  });

  it('lets an operator have an instance of it ended', async () => {
    const world = new FaultWorld({ ...CALM, warmPool: 1 });
    world.send(1);
    await until(world, 'one is stopped', () =>
      world.cloud.machines.some((one) => stateOf(one) === 'stopped'),
    );
    await world.run(3);
    await world.drain(1);
    await until(world, 'it is gone', () => stateOf(world.cloud.machines[0]!) === 'terminated', 10);
  });
});

describe('an instance that belongs to no slot', () => {
  const strayOf = async (slot: number, generation: number) => {
    const world = await FleetWorld.create({ limits: { minInstances: 1, maxInstances: 2 } });
    await world.until('one runs', () => world.living[0]?.state === 'running');
    world.hasStrays = true;
    const { id } = await world.fleet.launch({ slot, generation, token: 'not in the books' });
    return {
      world,
      stray: () => world.workers.get(id),
      isGone: () => !world.living.some((one) => one.id === id),
    };
  };

  for (const [what, slot, generation] of [
    ['whose tags are spoilt', 0, 0],
    ['whose place another has', 1, 9],
  ] as const) {
    it(`${what} drains, and is ended once it is a minute old`, async () => {
      const { world, stray, isGone } = await strayOf(slot, generation);
      await world.steps(3);
      assert.ok(stray() !== undefined);
      await world.until('it drains or has drained', () => stray()?.state !== 'running', 10);
      await world.until('it is gone', isGone, 90);
    });
  }

  it('is left alone while it works, and silent ones for a minute and the time after which they are lost', async () => {
    const { world, stray, isGone } = await strayOf(1, 9);
    await world.until('it is there', () => stray() !== undefined);
    stray()!.isMute = true;
    stray()!.job = { receipt: 'none', endsAt: Number.POSITIVE_INFINITY };
    await world.steps(TIMINGS.orphanMs / 1000 - 8);
    assert.ok(!isGone());
    await world.until('it is gone', isGone, TIMINGS.lossMs / 1000 + 20);
  });

  it('and is busy is ended only when it has drained', async () => {
    const { world, stray, isGone } = await strayOf(1, 9);
    await world.until('it is there', () => stray() !== undefined);
    stray()!.job = { receipt: 'none', endsAt: world.clock.now() + 150_000 };
    await world.steps(140);
    assert.ok(!isGone());
    await world.until('it is gone', isGone, 20);
    assert.deepEqual(world.endedAtWork, []);
  });
});

describe('a controller that is frozen', () => {
  const twoControllers = async () => {
    const world = new FaultWorld({ ...CALM, max: 1 });
    await world.run(3);
    world.addController();
    const [first] = world.controllers;
    return { world, first: first! };
  };

  it('in the call of a launch makes no second instance in the slot, though its heir finds no capacity', async () => {
    const { world, first } = await twoControllers();
    world.send(1);
    // Reads books, list and depth, writes, and is frozen in the launch.
    first.life.interrupt({ inCalls: 5, fate: 'before', frozenMs: 18_000 });
    await world.run(2);
    assert.deepEqual(
      [(await world.books()).slots[0]?.phase, first.life.isFrozen, world.cloud.machines.length],
      ['launching', true, 0],
    );
    world.faults.add({ calls: ['launch'], kind: 'capacity', forMs: 14_000, share: 1 });
    await world.run(13);
    assert.ok(!first.isLeading && world.controllers[1]!.isLeading, 'its heir has tried and found none');
    await world.run(20);
    await until(world, 'it is done', () => world.queue.isEmpty);
    assert.deepEqual(world.queue.lost(), []);
    assert.equal(world.cloud.machines.length, 1);
  });

  it('in any call around a stop stops nothing that its heir has started again', async () => {
    for (let inCalls = 1; inCalls <= 10; inCalls++) {
      const world = new FaultWorld({ ...CALM, max: 1, warmPool: 1, serviceMs: 20_000 });
      await world.run(3);
      world.addController();
      const [first] = world.controllers;
      world.send(1);
      await until(world, 'it is done', () => world.queue.isEmpty);
      const isDraining = () =>
        [...world.workers.values()].some(({ drainToldAt }) => drainToldAt !== undefined);
      // To the very step: the stop is some calls away.
      for (let step = 0; step < 100 && !isDraining(); step++) await world.step();
      assert.ok(isDraining());
      first!.life.interrupt({ inCalls, fate: 'before', frozenMs: 18_000 });
      await world.run(12);
      // The world fails if it is stopped at work.
      world.send(1);
      await until(world, 'that is done, too', () => world.queue.isEmpty);
      assert.deepEqual(world.queue.lost(), []);
    }
  });

  it('while it looks at the fleet believes nothing of that when it wakes up', async () => {
    for (let inCalls = 1; inCalls <= 6; inCalls++) {
      const { world, first } = await twoControllers();
      // Asked for before anything was there, and for less than its lease.
      first.life.interrupt({ inCalls, fate: 'after', frozenMs: 6500 });
      world.send(1);
      await world.run(9);
      await until(world, 'it is done', () => world.queue.isEmpty);
      assert.equal(world.cloud.machines.length, 1, `frozen after call ${inCalls}`);
    }
  });
});

describe('an instance that never becomes ready', () => {
  it('though it says that it lives, is drained, counted as a crash, and replaced', async () => {
    const changing = { ...CALM, max: 1, hangShare: 1 };
    const world = new FaultWorld(changing);
    world.send(3);
    await until(world, 'one boots', () => world.workers.size === 1);
    changing.hangShare = 0;
    await until(world, 'all is done', () => world.queue.isEmpty, 400);
    assert.ok(world.cloud.machines.length > 1, 'the first one hung');
    assert.deepEqual(world.queue.lost(), []);
  });
});

describe('a drain that an operator orders', () => {
  it('is carried out by whoever leads next', async () => {
    const world = await FleetWorld.create({ serviceMs: 3000 });
    await world.send(1);
    await world.until('one works', () => world.living[0]?.job !== undefined);
    const [worker] = world.living;
    world.controller = undefined;
    await world.order((state) => drainSlot(state, worker!.slot));
    await world.steps(1);
    world.controller = world.newController();
    await world.until('it has ended', () => !world.living.includes(worker!), 30);
    assert.equal(worker!.done, 1);
  });
});
