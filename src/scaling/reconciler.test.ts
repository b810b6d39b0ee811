import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FleetWorld, TIMINGS } from '../../test/support/fleet-world.ts';
import { type Fate, mortal } from '../../test/support/mortal.ts';
import { CapacityUnavailableError, ThrottledError, UnavailableError } from '../errors.ts';
import { fleetStateKey } from '../jobs/keys.ts';
import { emptyFleetState, emptySlot, type FleetState, FleetStateStore } from './fleet-state.ts';
import { BOOT_BRAKE_AFTER, termSecondsOf } from './growth.ts';
import { drainSlot, pause } from './operator.ts';

const booksOf = async (world: FleetWorld): Promise<FleetState> =>
  (await new FleetStateStore(world.state).load()).state;
const launches = (world: FleetWorld) => world.machines.all().length;

describe('the reconciler', () => {
  it('goes from none to the most and back to none', async () => {
    const world = await FleetWorld.create();
    await world.steps(2);
    assert.equal(launches(world), 0);
    await world.send(100);
    await world.until('four run', () => world.living.length === 4);
    await world.until('rest', () => world.isAtRest());
    assert.equal(launches(world), 4);
    assert.deepEqual(world.endedAtWork, []);
    await world.step();
    const { slots, desired, decisions } = await booksOf(world);
    assert.deepEqual(
      slots.map(({ slot, generation, phase }) => [slot, generation, phase]),
      [1, 2, 3, 4].map((slot) => [slot, 1, 'empty']),
    );
    assert.equal(desired, 0);
    assert.match(decisions.at(-1)?.actions.join() ?? '', /launch 1/);
  });

  it('launches in the first round after a message', async () => {
    const world = await FleetWorld.create();
    await world.steps(1);
    await world.send(1);
    await world.step();
    assert.equal(world.living.length, 1);
  });

  it('has written down what it does before it does it', async () => {
    const world = await FleetWorld.create();
    const { launch, terminate } = world.fleet;
    const phases: (string | undefined)[] = [];
    world.fleet.launch = async (request) => {
      const record = (await booksOf(world)).slots.find(({ slot }) => slot === request.slot);
      assert.deepEqual(record?.request, request);
      phases.push(record?.phase);
      return launch.call(world.fleet, request);
    };
    world.fleet.terminate = async (id) => {
      phases.push((await booksOf(world)).slots.find(({ instanceId }) => instanceId === id)?.phase);
      return terminate.call(world.fleet, id);
    };
    await world.send(1);
    await world.until('one drains', () => world.living.some(({ state }) => state === 'draining'));
    world.living[0]!.job = { receipt: 'none', endsAt: Number.POSITIVE_INFINITY };
    world.living[0]!.isMute = true;
    await world.until('rest', () => world.isAtRest());
    assert.deepEqual(phases, ['launching', 'ending']);
  });

  it('does nothing of what it could not write down', async () => {
    const world = await FleetWorld.create();
    await world.send(5);
    const { put } = world.state;
    let writes = 0;
    world.state.put = async (...call) => {
      // Somebody else is first: an operator pauses scaling between its reading and its writing.
      if (writes++ === 0) await world.order((state) => pause(state, world.clock.now()));
      return put.apply(world.state, call);
    };
    await world.steps(5);
    assert.ok(writes > 1);
    assert.equal(launches(world), 0);
  });

  it('leaves books alone that a newer leader has written', async () => {
    const world = await FleetWorld.create();
    const books = { ...emptyFleetState(), epoch: 9 };
    await new FleetStateStore(world.state).save(books, undefined);
    await world.send(5);
    await world.steps(5);
    assert.equal(launches(world), 0);
    assert.deepEqual(await booksOf(world), books);
  });

  it('keeps to the least there shall be', async () => {
    const world = await FleetWorld.create({ limits: { minInstances: 2 } });
    await world.until('two run', () => world.living.length === 2);
    await world.send(50);
    await world.steps(60);
    assert.equal(world.living.length, 2);
  });

  it('replaces an instance that dies at work, and loses no job', async () => {
    const world = await FleetWorld.create({ limits: { maxInstances: 2 } });
    await world.send(40);
    await world.until('one works', () => world.living.some(({ job }) => job !== undefined));
    world.crash(world.living.find(({ job }) => job !== undefined)!);
    await world.until('two live again', () => world.living.length === 2);
    await world.until('rest', () => world.isAtRest());
    assert.equal(launches(world), 3);
  });

  it('never ends a busy instance, however long its job takes', async () => {
    const world = await FleetWorld.create({ serviceMs: 60_000 });
    await world.send(1);
    await world.until('rest', () => world.isAtRest(), 200);
    assert.deepEqual(world.endedAtWork, []);
    assert.equal(launches(world), 1);
  });

  it('ends an instance that has been silent for the loss interval, not sooner', async () => {
    const world = await FleetWorld.create();
    await world.send(1);
    await world.until('one is ready', () => world.living.some(({ state }) => state === 'running'));
    const [worker] = world.living;
    await world.steps(1);
    worker!.isMute = true;
    worker!.job = { receipt: 'none', endsAt: Number.POSITIVE_INFINITY };
    await world.steps(TIMINGS.lossMs / 1000 - 3);
    assert.equal(world.living.length, 1);
    await world.until('it is ended', () => world.living.every(({ id }) => id !== worker!.id), 10);
  });

  it('gives a new leader a full loss interval before it trusts a silence', async () => {
    const world = await FleetWorld.create({ serviceMs: 1e6 });
    await world.send(1);
    await world.until('one works', () => world.living.some(({ job }) => job !== undefined));
    for (const worker of world.living) worker.isMute = true;
    await world.steps(TIMINGS.lossMs / 1000 - 5);
    world.controller = world.newController();
    await world.steps(TIMINGS.lossMs / 1000 - 5);
    assert.equal(world.living.length, 1);
    await world.until('it is ended', () => world.living.every(({ state }) => state === 'starting'), 20);
  });

  describe('has taken one for lost that is heard again', () => {
    /** Silent for so long, at work, and the calls to end it fail. */
    const outOfReach = async () => {
      const world = await FleetWorld.create({ limits: { maxInstances: 1 } });
      await world.send(1);
      await world.until('one is ready', () => world.living[0]?.state === 'running');
      const [worker] = world.living;
      world.fleet.terminate = () => Promise.reject(new UnavailableError('no answer'));
      worker!.isMute = true;
      worker!.job = { receipt: 'none', endsAt: Number.POSITIVE_INFINITY };
      await world.until('it is to be ended', async () => (await booksOf(world)).slots[0]?.phase === 'ending');
      return { world, worker: worker! };
    };

    it('and lets it finish what it has in hand', async () => {
      const { world, worker } = await outOfReach();
      worker.isMute = false;
      await world.steps(3);
      Reflect.deleteProperty(world.fleet, 'terminate');
      await world.steps(60);
      assert.ok(world.living.includes(worker));
      assert.equal(worker.state, 'draining');
      worker.job = undefined;
      await world.until('it is gone', () => !world.living.includes(worker), 10);
      assert.deepEqual(world.endedAtWork, []);
    });

    it('and the next leader, who does not know since when, waits as long before it ends it', async () => {
      const { world, worker } = await outOfReach();
      Reflect.deleteProperty(world.fleet, 'terminate');
      world.controller = world.newController();
      await world.steps(TIMINGS.lossMs / 1000 - 2);
      assert.ok(world.living.includes(worker));
      await world.until('it is gone', () => !world.living.includes(worker), 20);
    });
  });

  it('gives the message back first when a drain takes longer than its deadline', async () => {
    const world = await FleetWorld.create({ serviceMs: 1e9 });
    await world.send(1);
    await world.until('one works', () => world.living[0]?.job !== undefined);
    const [worker] = world.living;
    await world.order((state) => drainSlot(state, worker!.slot));
    await world.steps(TIMINGS.drainDeadlineMs / 1000 - 5);
    assert.ok(worker?.job !== undefined && world.living.includes(worker));
    await world.until('it is ended', () => !world.living.includes(worker), 15);
    assert.equal(world.releasedAt.length, 1);
    assert.deepEqual(world.endedAtWork, []);
  });

  it('ends an instance that does not even then give its message back', async () => {
    const world = await FleetWorld.create({ limits: { maxInstances: 1 } });
    await world.send(1);
    await world.until('one drains', () => world.living.some(({ state }) => state === 'draining'));
    const [worker] = world.living;
    worker!.job = { receipt: 'none', endsAt: Number.POSITIVE_INFINITY };
    worker!.isObstinate = true;
    await world.steps((TIMINGS.drainDeadlineMs + TIMINGS.releaseMs) / 1000 - 5);
    assert.equal(world.living.length, 1);
    await world.until('it is ended', () => world.living.length === 0, 10);
  });

  it('takes a drain back when work returns before the instance has heard of it', async () => {
    const world = await FleetWorld.create({ limits: { maxInstances: 1 } });
    await world.send(1);
    await world.until('it is to drain', async () => (await booksOf(world)).slots[0]?.phase === 'draining');
    assert.equal(world.living[0]?.state, 'running');
    await world.send(1);
    await world.step();
    const [record] = (await booksOf(world)).slots;
    assert.equal(record?.phase, 'running');
    // It costs as much as one that is launched now.
    assert.equal(record?.reservedUntil, record!.since + termSecondsOf(TIMINGS) * 1000);
    await world.until('rest', () => world.isAtRest());
    assert.equal(launches(world), 1);
  });

  it('replaces an instance that drains by itself', async () => {
    const world = await FleetWorld.create({ limits: { minInstances: 1 } });
    await world.until('one runs', () => world.living[0]?.state === 'running');
    const [first] = world.living;
    first!.state = 'draining';
    await world.until('another runs', () =>
      world.living.some(({ id, state }) => id !== first!.id && state === 'running'),
    );
  });

  it('takes an instance for gone that the list shows no more, and replaces it', async () => {
    const world = await FleetWorld.create({ limits: { minInstances: 1, maxInstances: 1 } });
    await world.until('one runs', () => world.living[0]?.state === 'running');
    const [first] = world.living;
    await world.steps(TIMINGS.listingLagMs / 1000);
    world.crash(first!);
    world.fleet.unlisted.add(first!.id);
    await world.until('another runs', () => world.living[0]?.state === 'running', 5);
    assert.equal((await booksOf(world)).slots[0]?.generation, 2);
  });

  it('does not mind that the list lags behind a launch', async () => {
    const world = await FleetWorld.create({ limits: { maxInstances: 1 } });
    await world.send(3);
    await world.step();
    const id = world.machines.all()[0]?.id ?? '';
    world.fleet.unlisted.add(id);
    await world.steps(1.5);
    world.fleet.unlisted.delete(id);
    await world.until('rest', () => world.isAtRest());
    assert.equal(launches(world), 1);
  });
});

describe('by the rule of the course', () => {
  for (const [maxInstances, jobs] of [
    [4, 50],
    [4, 3],
    [1, 2],
  ] as const) {
    it(`all are stopped within 5 s of idleness: ${jobs} jobs, ${maxInstances} at most`, async () => {
      // So that heartbeats come at any time after the last job.
      for (const serviceMs of [250, 500, 750, 1000, 1250, 1500, 1750, 2000]) {
        const limits = { preset: 'course', maxInstances } as const;
        const world = await FleetWorld.create({ limits, bootMs: 1250, serviceMs });
        await world.send(jobs);
        const isIdle = async () => {
          const { visible, inFlight } = await world.queue.depth();
          return visible + inFlight === 0;
        };
        await world.until('all is done', isIdle);
        assert.equal(world.peak, Math.min(jobs, maxInstances));
        await world.until('all are gone', () => world.living.length === 0, 5);
        assert.deepEqual(world.endedAtWork, []);
      }
    });
  }
});

describe('the reconciler sees only a part', () => {
  for (const operation of ['list', 'depth'] as const) {
    it(`and shrinks nothing while ${operation} fails`, async () => {
      const world = await FleetWorld.create();
      await world.send(60);
      await world.until('four run', () => world.living.length === 4);
      await world.until('all is done', async () => (await world.queue.depth()).inFlight === 0);
      const subject = operation === 'list' ? world.fleet : world.queue;
      Object.assign(subject, { [operation]: () => Promise.reject(new UnavailableError('no answer')) });
      await world.steps(25);
      assert.equal(world.living.length, 4);
      Reflect.deleteProperty(subject, operation);
      await world.until('rest', () => world.isAtRest(), 200);
    });
  }

  it('and still launches while the fleet cannot be listed', async () => {
    const world = await FleetWorld.create();
    await world.step();
    await world.send(1);
    world.fleet.failNext('list', new ThrottledError('too many calls'));
    await world.step();
    assert.equal(launches(world), 1);
  });
});

describe('a launch', () => {
  it('whose answer is lost is repeated and gives the same instance', async () => {
    const world = await FleetWorld.create({ limits: { maxInstances: 1 } });
    await world.send(5);
    world.fleet.failNext('launch', new UnavailableError('connection lost'), 'after');
    await world.until('rest', () => world.isAtRest());
    assert.equal(launches(world), 1);
  });

  it('that did not happen is repeated until it does', async () => {
    const world = await FleetWorld.create({ limits: { maxInstances: 1 } });
    await world.send(5);
    for (let time = 0; time < 3; time++) world.fleet.failNext('launch', new ThrottledError('later'));
    await world.until('rest', () => world.isAtRest());
    assert.equal(launches(world), 1);
    assert.equal((await booksOf(world)).slots[0]?.generation, 1);
  });

  it('is repeated on the terms on which it was decided, and the next one asks anew', async () => {
    const world = await FleetWorld.create({ limits: { maxInstances: 1 } });
    await world.send(5);
    const asked: [generation: number, terms: string | undefined, token: string][] = [];
    const { launch } = world.fleet;
    world.fleet.launch = (request) => {
      asked.push([request.generation, request.terms, request.token]);
      world.fleet.currentTerms = 'on-demand';
      return launch.call(world.fleet, request);
    };
    world.fleet.currentTerms = 'spot';
    world.fleet.failNext('launch', new ThrottledError('later'));
    world.fleet.failNext('launch', new CapacityUnavailableError('none left'));
    await world.until('rest', () => world.isAtRest());
    assert.deepEqual(
      asked.map(([generation, terms]) => [generation, terms]),
      [
        [1, 'spot'],
        [1, 'spot'],
        [2, 'on-demand'],
      ],
    );
    assert.equal(asked[0]![2], asked[1]![2]);
    assert.notEqual(asked[1]![2], asked[2]![2]);
  });

  it('for which there is no capacity is given up and tried anew, less and less often', async () => {
    const world = await FleetWorld.create({ limits: { maxInstances: 1 } });
    await world.send(5);
    const tries: number[] = [];
    for (let time = 0; time < 4; time++)
      world.fleet.failNext('launch', new CapacityUnavailableError('none left'));
    await world.until('rest', async () => {
      const count = world.fleet.calls.filter((call) => call.operation === 'launch').length;
      if (count > tries.length) tries.push(world.clock.now());
      return world.isAtRest();
    });
    const gaps = tries.slice(1).map((at, index) => at - tries[index]!);
    assert.equal(gaps.length, 4);
    assert.deepEqual(
      gaps,
      gaps.toSorted((one, other) => one - other),
    );
    assert.ok(gaps[3]! >= 8 * TIMINGS.firstBackoffMs);
  });
});

describe('instances that crash while they boot', () => {
  it('are launched less and less often, one at a time, and are told of', async () => {
    const world = await FleetWorld.create({ doWorkersCrash: () => true });
    await world.send(100);
    await world.steps(20);
    const early = launches(world);
    assert.ok(early >= 4, 'all slots were tried');
    const books = await booksOf(world);
    assert.ok(books.crashStreak >= 3);
    assert.ok(books.slots.some(({ failures, lastEnd }) => failures > 0 && lastEnd?.reason === 'exit code 1'));
    for (let step = 0; step < 1200; step++) {
      await world.step();
      assert.ok(world.living.length <= 1);
    }
    assert.ok(launches(world) - early <= 12, `${launches(world) - early} launches in five minutes`);
  });

  it('are not replaced at once, from the first one on', async () => {
    const world = await FleetWorld.create({ doWorkersCrash: () => true, limits: { maxInstances: 1 } });
    await world.send(1);
    await world.until('one lives', () => world.living.length === 1);
    await world.until('it has crashed', () => world.living.length === 0);
    const crashedAt = world.clock.monotonic();
    await world.until('the next one is launched', () => launches(world) === 2);
    assert.ok(world.clock.monotonic() - crashedAt >= TIMINGS.firstBackoffMs);
  });

  it('do no harm once they have stopped crashing', async () => {
    let crashes = 6;
    const world = await FleetWorld.create({ doWorkersCrash: () => crashes-- > 0 });
    await world.send(100);
    await world.until('rest', () => world.isAtRest(), 300);
    assert.equal(world.peak, 4);
    assert.equal((await booksOf(world)).crashStreak, 0);
  });

  it('are not launched at once by the next leader either', async () => {
    const world = await FleetWorld.create({ doWorkersCrash: () => true });
    await world.send(100);
    await world.until('a loop is seen', async () => (await booksOf(world)).crashStreak >= 6);
    await world.until('none lives', () => world.living.length === 0);
    const before = launches(world);
    world.controller = world.newController();
    await world.step();
    assert.equal(launches(world), before);
  });

  it('are not tried in other slots by the next leader either', async () => {
    const world = await FleetWorld.create();
    const books = { ...emptyFleetState(), crashStreak: BOOT_BRAKE_AFTER + 4 };
    await new FleetStateStore(world.state).save(books, undefined);
    await world.send(100);
    // The fifth pause, without jitter.
    const pauseSeconds = (TIMINGS.firstProbeMs / 1000) * 2 ** 4;
    await world.steps(pauseSeconds - 1);
    assert.equal(launches(world), 0);
    await world.steps(1.5);
    assert.equal(launches(world), 1);
  });
});

describe('instances that are killed', () => {
  it('once a second or so, booting or working, are replaced so fast that all jobs are done', async () => {
    for (const seed of [1, 2, 3]) {
      const world = await FleetWorld.create({ bootMs: 750, serviceMs: 250, limits: { maxInstances: 2 } });
      await world.send(40);
      const random = numbers(seed);
      const isDone = async () => {
        const { living } = world;
        const victim = living[random() % Math.max(1, living.length)];
        if (random() % 4 === 0 && victim !== undefined) world.kill(victim);
        const { visible, inFlight, delayed } = await world.queue.depth();
        return visible + inFlight + delayed === 0;
      };
      await world.until(`all is done, with seed ${seed}`, isDone, 300);
      assert.equal((await booksOf(world)).crashStreak, 0);
    }
  });
});

/** Always the same, and without a pattern that steps could fall in with. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 8;
  };
}

describe('a controller that dies', () => {
  const scenario = async (stopAtCall: number, fate: Fate) => {
    const limits = { maxInstances: 3, sloSeconds: 0.1, idleSeconds: 0.5 };
    const world = await FleetWorld.create({ limits, serviceMs: 250 });
    world.controller = world.newController(mortal(stopAtCall, fate));
    await world.send(6);
    const { life } = world.controller;
    let isDead = false;
    void life.stopped.then(() => {
      isDead = true;
    });
    await world.until('its death, or rest', async () => isDead || (await world.isAtRest()));
    world.controller = world.newController();
    await world.until('rest', () => world.isAtRest());
    return { world, isDead };
  };

  for (const fate of ['before', 'after'] as const) {
    it(`${fate} any of its calls leaves a fleet that the next one runs on with`, async () => {
      for (let stopAtCall = 1; ; stopAtCall++) {
        const { world, isDead } = await scenario(stopAtCall, fate);
        const where = `died ${fate} call ${stopAtCall}`;
        assert.equal(launches(world), 3, `${where}: every slot was launched once`);
        assert.deepEqual(world.endedAtWork, [], where);
        if (!isDead) break;
      }
    });
  }

  it('at any calls, one after the other, never breaks the fleet', async () => {
    const deaths = fc.array(
      fc.record({
        atCall: fc.integer({ min: 1, max: 40 }),
        fate: fc.constantFrom<Fate>('before', 'after'),
        pauseSteps: fc.integer({ min: 0, max: 20 }),
      }),
      { maxLength: 8 },
    );
    await fc.assert(
      fc.asyncProperty(deaths, fc.integer({ min: 1, max: 40 }), async (lives, jobs) => {
        const world = await FleetWorld.create({ limits: { maxInstances: 3 } });
        await world.send(jobs);
        for (const { atCall, fate, pauseSteps } of lives) {
          world.controller = world.newController(mortal(atCall, fate));
          for (let step = 0; step < pauseSteps + 4; step++) await world.step();
        }
        world.controller = world.newController();
        await world.until('rest', () => world.isAtRest());
        assert.deepEqual(world.endedAtWork, []);
      }),
      { numRuns: 40 },
    );
  });
});

describe('two controllers', () => {
  it('of which one was suspended and goes on, launch and end nothing twice', async () => {
    for (let stopAtCall = 1; stopAtCall <= 24; stopAtCall++) {
      for (const fate of ['before', 'after'] as const) {
        const world = await FleetWorld.create({ limits: { maxInstances: 3 } });
        const sleeper = world.newController(mortal(stopAtCall, fate));
        world.controller = sleeper;
        await world.send(20);
        await world.steps(1.5);
        world.controller = world.newController();
        await world.steps(stopAtCall % 5);
        sleeper.life.resume();
        // It does not know yet that it leads no more.
        for (let step = 0; step < 8; step++) {
          await sleeper.reconciler.round();
          await world.step();
        }
        await world.until('rest', () => world.isAtRest());
        assert.equal(launches(world), 3, `suspended ${fate} call ${stopAtCall}`);
        assert.deepEqual(world.endedAtWork, []);
      }
    }
  });
});

describe('books that are lost', () => {
  it('are made again from the instances that live', async () => {
    const world = await FleetWorld.create({ serviceMs: 3000 });
    await world.send(40);
    await world.until('four work', () => world.living.filter(({ job }) => job !== undefined).length === 4);
    await world.state.delete(fleetStateKey);
    world.controller = world.newController();
    await world.until('rest', () => world.isAtRest(), 300);
    assert.equal(launches(world), 4);
    assert.deepEqual(world.endedAtWork, []);
  });

  it('are not begun anew before the fleet has told what lives', async () => {
    const world = await FleetWorld.create({ serviceMs: 3000 });
    await world.send(40);
    await world.until('four work', () => world.living.filter(({ job }) => job !== undefined).length === 4);
    await world.state.delete(fleetStateKey);
    world.controller = world.newController();
    Object.assign(world.fleet, { list: () => Promise.reject(new UnavailableError('no answer')) });
    await world.steps(5);
    assert.equal(launches(world), 4);
    assert.equal(await world.state.get(fleetStateKey), undefined);
    Reflect.deleteProperty(world.fleet, 'list');
    await world.until('rest', () => world.isAtRest(), 300);
    assert.equal(launches(world), 4);
  });

  it('or older than an instance, which is taken in', async () => {
    const world = await FleetWorld.create({ limits: { maxInstances: 1 } });
    await world.step();
    await world.fleet.launch({ slot: 1, generation: 5, token: 'from before' });
    await world.steps(1);
    const [record] = (await booksOf(world)).slots;
    assert.equal(record?.generation, 5);
    await world.until('rest', () => world.isAtRest());
    assert.deepEqual(world.endedAtWork, []);
  });

  it('do not show an instance whose place another had: it drains before the place is taken again', async () => {
    const world = await FleetWorld.create({ limits: { minInstances: 1, maxInstances: 1 } });
    await world.until('one runs', () => world.living[0]?.state === 'running');
    const books = await booksOf(world);
    const forgotten = books.slots.map((record) => ({ ...emptySlot(record.slot), generation: 2 }));
    await world.state.put(fleetStateKey, Buffer.from(JSON.stringify({ ...books, slots: forgotten })));
    world.controller = world.newController();
    await world.until('the next runs', () => world.living[0]?.generation === 3);
    assert.deepEqual(world.endedAtWork, []);
  });

  it('and another comes in a slot that is free indeed', async () => {
    const world = await FleetWorld.create({ limits: { minInstances: 1, maxInstances: 2 } });
    await world.until('one runs', () => world.living[0]?.state === 'running');
    const books = await booksOf(world);
    const forgotten = books.slots.map((record) => ({ ...emptySlot(record.slot), generation: 2 }));
    await world.state.put(fleetStateKey, Buffer.from(JSON.stringify({ ...books, slots: forgotten })));
    world.controller = world.newController();
    await world.until('another lives', () => world.living.length === 2);
    assert.deepEqual(world.living.map(({ slot }) => slot).sort(), [1, 2]);
  });
});
