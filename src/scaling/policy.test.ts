import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type PolicyScene, policyScenes, withBacklog } from '../../test/support/policy-scenes.ts';
import {
  type Decision,
  decide,
  initialPolicyState,
  type Observed,
  type ObservedInstance,
  type PolicyState,
  type ScalingLimits,
} from './policy.ts';

/** Processes of one machine: nothing is paid for. */
const LOCAL: ScalingLimits = {
  preset: 'slo',
  minInstances: 0,
  maxInstances: 4,
  sloSeconds: 2,
  lookSeconds: 0.25,
  idleSeconds: 10,
  billingMinimumSeconds: 0,
  warmPool: 0,
  maxActionsPerRound: 10,
};
/** Machines that are paid for a minute at least, and boot for 26 s. */
const CLOUD: ScalingLimits = {
  ...LOCAL,
  maxInstances: 40,
  sloSeconds: 60,
  lookSeconds: 1,
  idleSeconds: 2,
  billingMinimumSeconds: 60,
  maxActionsPerRound: 40,
};

const instance = (slot: number, parts: Partial<ObservedInstance>): ObservedInstance => ({
  slot,
  phase: 'ready',
  activity: 'idle',
  busyCount: 0,
  ageSeconds: 100,
  source: 'launch',
  ...parts,
});
const ready = (slot: number, activity: ObservedInstance['activity'] = 'busy') => instance(slot, { activity });
const booting = (slot: number, ageSeconds = 0) => instance(slot, { phase: 'booting', ageSeconds });
const draining = (slot: number) => instance(slot, { phase: 'draining' });
const many = (count: number, make: (slot: number) => ObservedInstance) =>
  Array.from({ length: count }, (_, index) => make(index + 1));

type Parts = Partial<Observed> & { visible?: number; inFlight?: number; delayed?: number; oldest?: number };

/** What is there, at 0.1 s a job: in the time that is left after a boot an instance works off 7 or 8. */
function scene(parts: Parts, limits = LOCAL): Observed {
  const { visible = 0, inFlight = 0, delayed = 0, oldest, ...rest } = parts;
  const instances = rest.instances ?? [];
  const taken = new Set(instances.map(({ slot }) => slot));
  const backlog = visible + inFlight + delayed;
  return {
    nowMs: 0,
    queue: { visible, inFlight, delayed, ...(oldest === undefined ? {} : { oldestAgeSeconds: oldest }) },
    queueAgeSeconds: 0,
    isFleetKnown: true,
    fleetAgeSeconds: 0,
    instances,
    freeSlots: Array.from({ length: limits.maxInstances }, (_, index) => index + 1).filter(
      (slot) => !taken.has(slot),
    ),
    stoppedSlots: [],
    arrivals: backlog > 0 ? [{ ageSeconds: 0, count: backlog }] : [],
    completed: 0,
    serviceSeconds: 0.1,
    concurrency: 1,
    bootSeconds: { launch: 1, start: 1 },
    ...rest,
  };
}

const cloud = (parts: Parts) =>
  scene({ serviceSeconds: 1, bootSeconds: { launch: 26, start: 10 }, ...parts }, CLOUD);
const actionsOf = ({ actions }: Decision): string[] => actions.map(({ kind, slot }) => `${kind} ${slot}`);
const desiredOf = (observed: Observed, limits: ScalingLimits, state = initialPolicyState(0)) =>
  decide(observed, limits, state).desired;

describe('the policy goes up', () => {
  const cases: [name: string, observed: Observed, desired: number, actions: string[]][] = [
    ['not without work', scene({}), 0, []],
    ['to one for one job', scene({ visible: 1 }), 1, ['launch 1']],
    ['to one for what one works off', scene({ visible: 7 }), 1, ['launch 1']],
    ['to two for a few more', scene({ visible: 9 }), 2, ['launch 1', 'launch 2']],
    ['counting what is in flight', scene({ inFlight: 9 }), 2, ['launch 1', 'launch 2']],
    ['counting what is delayed', scene({ delayed: 9 }), 2, ['launch 1', 'launch 2']],
    ['to the most', scene({ visible: 5000 }), 4, ['launch 1', 'launch 2', 'launch 3', 'launch 4']],
    ['only by what is missing', scene({ visible: 20, instances: [ready(2)] }), 2, ['launch 1']],
    ['not while what is there keeps the target', scene({ visible: 17, instances: [ready(1)] }), 1, []],
    ['counting what boots', scene({ visible: 15, instances: [booting(1), booting(2)] }), 2, []],
    [
      'undraining first',
      scene({ visible: 26, instances: [ready(1), draining(3)] }),
      3,
      ['undrain 3', 'launch 2'],
    ],
    ['starting before it launches', scene({ visible: 9, stoppedSlots: [4] }), 2, ['start 4', 'launch 1']],
    ['in free slots only', scene({ visible: 5000, freeSlots: [3] }), 4, ['launch 3']],
  ];
  for (const [name, observed, desired, actions] of cases) {
    it(name, () => {
      const decision = decide(observed, LOCAL, initialPolicyState(0));
      assert.equal(decision.desired, desired);
      assert.deepEqual(actionsOf(decision), actions);
      assert.notEqual(decision.reason, '');
    });
  }

  it('to the least there shall be, without work', () => {
    const decision = decide(scene({}), { ...LOCAL, minInstances: 2 }, initialPolicyState(0));
    assert.deepEqual(actionsOf(decision), ['launch 1', 'launch 2']);
  });

  it('by a bounded number a round', () => {
    const decision = decide(
      scene({ visible: 5000 }),
      { ...LOCAL, maxActionsPerRound: 3 },
      initialPolicyState(0),
    );
    assert.equal(decision.desired, 4);
    assert.equal(decision.actions.length, 3);
  });

  it('twofold when jobs are late for as long as a boot although all work that were asked for', () => {
    const late = (nowMs: number) => scene({ nowMs, visible: 1, oldest: 30, instances: [ready(1)] });
    const { state } = decide(late(0), LOCAL, initialPolicyState(1));
    assert.equal(desiredOf(late(900), LOCAL, state), 1);
    assert.equal(desiredOf(late(1100), LOCAL, state), 2);
  });
});

describe('the policy is patient with what it has asked for', () => {
  it('when jobs are late: not twofold before all of it is at work', () => {
    const instances = [ready(1), booting(2, 20)];
    const late = cloud({ nowMs: 60_000, visible: 1, oldest: 90, instances });
    const state = { ...initialPolicyState(2), lateSinceMs: 0 };
    assert.equal(desiredOf(late, CLOUD, state), 2);
    assert.equal(desiredOf({ ...late, instances: [ready(1), ready(2)] }, CLOUD, state), 4);
  });
});

describe('the policy waits where instances are paid for', () => {
  const aged = (ageSeconds: number, count: number, parts: Parts = {}) =>
    cloud({ ...parts, visible: count, arrivals: [{ ageSeconds, count }] });

  it('not with the first one of all, which is ordered at once', () => {
    assert.equal(desiredOf(aged(0, 1), CLOUD), 1);
  });

  it('with a further launch for as long as the target permits', () => {
    const instances = [ready(1)];
    assert.equal(desiredOf(aged(20, 40, { instances }), CLOUD), 1);
    assert.equal(desiredOf(aged(24, 40, { instances }), CLOUD), 2);
  });

  it('with the last launch only: those that will be fully used go at once', () => {
    assert.equal(desiredOf(aged(0, 1000), CLOUD), 31);
    assert.equal(desiredOf(aged(0, 50), CLOUD), 1);
    assert.equal(desiredOf(aged(12, 60), CLOUD), 3);
  });

  it('but launches for what is late already only what is worth its boot', () => {
    assert.equal(desiredOf(aged(57, 40), CLOUD), 14);
  });

  it('longer when a stopped one can be started', () => {
    const instances = [ready(1)];
    assert.equal(desiredOf(aged(24, 40, { instances }), CLOUD), 2);
    assert.equal(desiredOf(aged(24, 40, { instances, stoppedSlots: [2] }), CLOUD), 1);
    assert.deepEqual(
      actionsOf(decide(aged(34, 40, { instances, stoppedSlots: [2] }), CLOUD, initialPolicyState(1))),
      ['start 2'],
    );
  });

  it('counting half of what is in hand as done', () => {
    const instances = many(10, (slot) => ({ ...ready(slot), busyCount: 1 }));
    // In the 37.9 s that are left they do 379, and one launched at the last moment 7.9 more.
    const left = (count: number) => ({
      visible: count - 10,
      inFlight: 10,
      arrivals: [{ ageSeconds: 20, count }],
    });
    assert.equal(desiredOf(cloud({ ...left(391), instances }), CLOUD), 10);
    assert.equal(desiredOf(cloud({ ...left(393), instances }), CLOUD), 11);
    // Heartbeats tell late: the queue has the last word.
    const told = { visible: 389, inFlight: 0, arrivals: [{ ageSeconds: 20, count: 389 }] };
    assert.equal(desiredOf(cloud({ ...told, instances }), CLOUD), 11);
    // Nobody has what a queue hides of a worker that died.
    const hidden = many(10, (slot) => ready(slot));
    assert.equal(desiredOf(cloud({ ...left(391), instances: hidden }), CLOUD), 11);
  });

  it('not for those that would be late for the target by then', () => {
    const instances = many(10, (slot) => ready(slot));
    assert.equal(desiredOf(aged(5, 500, { instances }), CLOUD), 10);
    assert.equal(desiredOf(aged(5, 600, { instances }), CLOUD), 12);
  });

  it('not when jobs come so fast that the largest fleet would be late', () => {
    const arrivals = Array.from({ length: 10 }, (_, index) => ({ ageSeconds: 9 - index, count: 60 }));
    assert.equal(desiredOf(cloud({ visible: 600, arrivals }), CLOUD), 40);
    const slow = arrivals.map(({ ageSeconds }) => ({ ageSeconds, count: 20 }));
    assert.ok(desiredOf(cloud({ visible: 200, arrivals: slow }), CLOUD) < 8);
  });

  it('not when the target leaves no time for a boot: then it keeps a reserve', () => {
    const arrivals = Array.from({ length: 60 }, (_, index) => ({ ageSeconds: 60 - index, count: 5 }));
    const instances = many(20, (slot) => ready(slot, 'idle'));
    const state: PolicyState = { ...initialPolicyState(20), surplus: { sinceMs: -9000, peak: 0 } };
    const kept = desiredOf(cloud({ arrivals, instances }), { ...CLOUD, sloSeconds: 2 }, state);
    assert.ok(kept > 5 && kept < 20, `${kept}`);
  });
});

describe('the policy goes down', () => {
  const idleFor = (seconds: number): PolicyState => ({
    ...initialPolicyState(3),
    surplus: { sinceMs: -seconds * 1000, peak: 0 },
  });
  const three = [ready(1, 'idle'), ready(2, 'idle'), ready(3, 'idle')];

  it('not before the idle time is over', () => {
    const decision = decide(scene({ instances: three }), LOCAL, idleFor(9.9));
    assert.equal(decision.desired, 3);
    assert.deepEqual(actionsOf(decision), []);
  });

  it('then to the least, all at once where an end takes no time', () => {
    const decision = decide(scene({ instances: three }), LOCAL, idleFor(10));
    assert.equal(decision.desired, 0);
    assert.deepEqual(actionsOf(decision), ['drain 3', 'drain 2', 'drain 1']);
  });

  const paid: ScalingLimits = { ...LOCAL, billingMinimumSeconds: 1 };

  it('and the last instance after the others where it does', () => {
    const first = decide(scene({ instances: three }), paid, idleFor(10));
    assert.equal(first.desired, 0);
    assert.deepEqual(actionsOf(first), ['drain 3', 'drain 2']);
    const last = decide(scene({ instances: three.slice(0, 1) }), paid, first.state);
    assert.deepEqual(actionsOf(last), ['drain 1']);
    const course = { ...paid, preset: 'course' as const };
    assert.deepEqual(actionsOf(decide(scene({ instances: three }), course, idleFor(10))), [
      'drain 3',
      'drain 2',
      'drain 1',
    ]);
  });

  it('keeping the last one there while nothing could be launched in its place', () => {
    const state = idleFor(60);
    const observed = scene({ instances: three.slice(0, 1), freeSlots: [] });
    assert.deepEqual(actionsOf(decide(observed, paid, state)), []);
    assert.deepEqual(actionsOf(decide(observed, { ...paid, maxInstances: 1 }, state)), ['drain 1']);
    assert.deepEqual(actionsOf(decide(observed, LOCAL, state)), ['drain 1']);
  });

  it('keeping one for a job that comes back from a worker that died', () => {
    const decision = decide(scene({ inFlight: 2, instances: three }), LOCAL, idleFor(60));
    assert.equal(decision.desired, 1);
  });

  it('to the most that were needed during the idle time', () => {
    let state = initialPolicyState(3);
    for (const [nowMs, busy] of [
      [0, 1],
      [3000, 2],
      [6000, 1],
    ] as const) {
      const instances = three.map((one, index) => (index < busy ? ready(one.slot) : one));
      state = decide(scene({ nowMs, inFlight: busy, instances }), LOCAL, state).state;
    }
    const decision = decide(scene({ nowMs: 10_000, instances: three }), LOCAL, state);
    assert.equal(decision.desired, 2);
    assert.deepEqual(actionsOf(decision), ['drain 3']);
  });

  it('draining only what is idle where nothing is paid for', () => {
    const instances = [ready(1, 'idle'), ready(2, 'busy'), ready(3, 'unknown')];
    const decision = decide(scene({ inFlight: 1, instances }), LOCAL, idleFor(60));
    assert.deepEqual(actionsOf(decision), ['drain 1']);
  });

  it('not below what is paid for anyway', () => {
    const instances = [40, 54, 55, 300].map((ageSeconds, index) => instance(index + 1, { ageSeconds }));
    const decision = decide(cloud({ instances }), CLOUD, idleFor(60));
    assert.deepEqual(actionsOf(decision), ['drain 4', 'drain 3']);
    assert.equal(decision.desired, 2);
  });

  it('while work is left that fewer do in good time', () => {
    const instances = many(10, (slot) => ready(slot));
    const work = { visible: 90, inFlight: 10, arrivals: [{ ageSeconds: 12, count: 100 }] };
    const decision = decide(cloud({ ...work, instances }), CLOUD, idleFor(60));
    assert.ok(decision.desired > 1 && decision.desired < 10, `${decision.desired}`);
  });

  it('as far as the others have time to spare, less what is told late', () => {
    const instances = many(10, (slot) => ready(slot));
    const left = (ageSeconds: number, count: number) => ({
      ...{ visible: count, instances },
      arrivals: [{ ageSeconds, count }],
    });
    // 70 % of 27.9 s, in which six do 117; and 4 s less than 6, in which five do 10.
    assert.equal(desiredOf(cloud(left(30, 100)), CLOUD, idleFor(60)), 6);
    assert.equal(desiredOf(cloud(left(51.9, 10)), CLOUD, idleFor(60)), 5);
  });

  it('while they finish the last jobs, due or not, but not while others wait', () => {
    const instances = many(10, (slot) => ({ ...ready(slot), busyCount: 1 }));
    const left = (visible: number) => ({
      ...{ visible, inFlight: 10, instances },
      arrivals: [{ ageSeconds: 57, count: visible + 10 }],
    });
    assert.equal(desiredOf(cloud(left(0)), CLOUD, idleFor(60)), 0);
    assert.equal(desiredOf(cloud(left(1)), CLOUD, idleFor(60)), 10);
  });

  it('not below what comes', () => {
    const instances = many(10, (slot) => ready(slot));
    const arrivals = Array.from({ length: 10 }, (_, index) => ({ ageSeconds: 9 - index, count: 10 }));
    const decision = decide(cloud({ visible: 90, inFlight: 10, instances, arrivals }), CLOUD, idleFor(60));
    assert.equal(decision.desired, 10);
  });

  it('never when the queue or the fleet did not tell, and then the idle time starts over', () => {
    for (const blind of [{ queue: undefined }, { isFleetKnown: false }]) {
      const decision = decide(scene({ instances: three, ...blind }), LOCAL, idleFor(60));
      assert.equal(decision.desired, 3);
      assert.deepEqual(actionsOf(decision), []);
      assert.equal(decision.state.surplus, null);
    }
  });
});

describe('the rules of other systems', () => {
  const counts = (preset: ScalingLimits['preset'], maxInstances: number) => (visible: number) =>
    desiredOf(scene({ visible }), { ...LOCAL, preset, maxInstances });

  it('course: one for each job, up to the most', () => {
    assert.deepEqual([0, 1, 10, 50].map(counts('course', 20)), [0, 1, 10, 20]);
    assert.equal(counts('course', 15)(50), 15);
  });

  it('original: by thresholds', () => {
    assert.deepEqual([0, 1, 5, 6, 50, 51].map(counts('original', 20)), [0, 1, 1, 10, 10, 20]);
  });

  it('go down after the idle time, and only those that are idle', () => {
    const limits: ScalingLimits = { ...LOCAL, preset: 'course' };
    const at = (nowMs: number) =>
      scene({ nowMs, inFlight: 1, instances: [ready(1), ready(2, 'idle'), ready(3, 'idle')] });
    const { desired, state } = decide(at(0), limits, initialPolicyState(3));
    assert.equal(desired, 3);
    assert.deepEqual(actionsOf(decide(at(3000), limits, state)), ['drain 3', 'drain 2']);
  });
});

describe('the policy always', () => {
  const numRuns = Number(process.argv.find((word) => word.startsWith('--runs='))?.slice(7) ?? 500);
  const holds = (name: string, check: (scene: PolicyScene) => void) =>
    it(name, () => fc.assert(fc.property(policyScenes(), check), { numRuns }));

  holds('stays within the limits and acts a bounded amount', ({ observed, limits, state }) => {
    const decision = decide(observed, limits, state);
    assert.ok(decision.desired >= limits.minInstances && decision.desired <= limits.maxInstances);
    assert.ok(decision.actions.length <= limits.maxActionsPerRound);
    assert.equal(new Set(decision.actions.map(({ slot }) => slot)).size, decision.actions.length);
    assert.equal(decision.state.desired, decision.desired);
  });

  holds('decides the same on the same', ({ observed, limits, state }) => {
    assert.deepEqual(decide(observed, limits, state), decide(observed, limits, state));
  });

  holds('lowers and drains nothing on partial knowledge', ({ observed, limits, state }) => {
    for (const blind of [{ queue: undefined }, { isFleetKnown: false }]) {
      const decision = decide({ ...observed, ...blind }, limits, state);
      assert.ok(decision.desired >= Math.min(state.desired, limits.maxInstances));
      assert.ok(decision.actions.every(({ kind }) => kind !== 'drain'));
    }
  });

  holds('drains only those that may go, and no more than are too many', ({ observed, limits, state }) => {
    const decision = decide(observed, limits, state);
    const drained = decision.actions.filter(({ kind }) => kind === 'drain');
    const active = observed.instances.filter(({ phase }) => phase !== 'draining');
    for (const { slot } of drained) {
      const one = active.find((candidate) => candidate.slot === slot);
      assert.ok(one !== undefined && one.activity !== 'unknown');
      if (limits.preset !== 'slo') assert.equal(one.activity, 'idle');
      else assert.ok(one.phase === 'ready' && one.ageSeconds >= limits.billingMinimumSeconds - 5);
    }
    if (drained.length > 0) assert.ok(active.length - drained.length >= decision.desired);
  });

  holds(
    'launches in free slots, undrains and starts all first, and never beyond what is wanted',
    ({ observed, limits, state }) => {
      const decision = decide(observed, limits, state);
      const of = (kind: string) =>
        decision.actions.filter((action) => action.kind === kind).map(({ slot }) => slot);
      const active = observed.instances.filter(({ phase }) => phase !== 'draining').length;
      const revocable = observed.instances.length - active;
      assert.ok(of('launch').every((slot) => observed.freeSlots.includes(slot)));
      assert.ok(of('start').every((slot) => observed.stoppedSlots.includes(slot)));
      if (of('start').length > 0) assert.equal(of('undrain').length, revocable);
      if (of('launch').length > 0) assert.equal(of('start').length, observed.stoppedSlots.length);
      const more = of('launch').length + of('undrain').length + of('start').length;
      if (more > 0) assert.ok(active + more <= decision.desired);
    },
  );

  holds('wants no fewer for a longer queue', (scene) => {
    const longer = withBacklog(scene, 17);
    const { limits, state } = scene;
    assert.ok(decide(longer, limits, state).desired >= decide(scene.observed, limits, state).desired);
  });

  holds('wants no fewer for an older queue', ({ observed, limits, state }) => {
    fc.pre(observed.queue !== undefined);
    const queue = { ...observed.queue!, oldestAgeSeconds: (observed.queue!.oldestAgeSeconds ?? 0) + 9 };
    const older = decide({ ...observed, queue }, limits, state);
    assert.ok(older.desired >= decide(observed, limits, state).desired);
  });

  holds('wants no more for a more patient target', ({ observed, limits, state }) => {
    const patient = { ...limits, sloSeconds: limits.sloSeconds * 1.4 };
    assert.ok(decide(observed, patient, state).desired <= decide(observed, limits, state).desired);
  });

  holds('counts those that drain as nothing', ({ observed, limits, state }) => {
    const without = observed.instances.filter(({ phase }) => phase !== 'draining');
    const decision = decide({ ...observed, instances: without }, limits, state);
    assert.equal(decision.desired, decide(observed, limits, state).desired);
  });

  holds('is content with what it has asked for', ({ observed, limits, state }) => {
    fc.pre(observed.queue !== undefined && observed.isFleetKnown);
    let now: Observed = {
      ...observed,
      instances: observed.instances.filter(({ phase }) => phase !== 'draining'),
    };
    let after = state;
    for (let look = 0; look < 100; look++) {
      const decision = decide(now, limits, after);
      if (decision.actions.length === 0) return;
      now = carriedOut(now, decision);
      after = decision.state;
    }
    assert.fail('it is never content');
  });

  holds('asks for the least once nothing has come for long', ({ observed, limits, state }) => {
    const instances = observed.instances.map((one) => ({
      ...one,
      phase: 'ready' as const,
      activity: 'idle' as const,
      ageSeconds: 1000,
    }));
    const queue = { visible: 0, inFlight: 0, delayed: 0 };
    let now: Observed = { ...observed, instances, queue, arrivals: [], isFleetKnown: true };
    let after = state;
    const seconds = limits.idleSeconds + 2 * limits.lookSeconds;
    const looks = Math.ceil(limits.maxInstances / limits.maxActionsPerRound) + 2;
    for (let look = 0; look <= looks; look++) {
      const decision = decide(now, limits, after);
      now = { ...carriedOut(now, decision), nowMs: now.nowMs + (look < 2 ? 1000 * seconds : 1) };
      after = decision.state;
    }
    const left = now.instances.length;
    const mayBeKept = limits.billingMinimumSeconds > 0 && limits.preset !== 'course';
    const isLastKept = mayBeKept && left === 1 && now.freeSlots.length === 0;
    assert.ok(left <= limits.minInstances || isLastKept, `${left} left`);
  });

  holds('answers work with a launch when it cannot wait', ({ observed, limits }) => {
    fc.pre(observed.freeSlots.length > 0);
    const queue = { visible: 3, inFlight: 0, delayed: 0 };
    const arrivals = [{ ageSeconds: limits.sloSeconds, count: 3 }];
    const decision = decide(
      { ...observed, queue, arrivals, instances: [], stoppedSlots: [] },
      limits,
      initialPolicyState(0),
    );
    assert.ok(decision.actions.some(({ kind }) => kind === 'launch'));
  });
});

/** The fleet as it is when all that was decided has been done at once. */
function carriedOut(observed: Observed, { actions }: Decision): Observed {
  const slots = (kind: string) => actions.filter((one) => one.kind === kind).map(({ slot }) => slot);
  const gone = new Set(slots('drain'));
  const come = [...slots('launch'), ...slots('start')];
  return {
    ...observed,
    instances: [
      ...observed.instances.filter(({ slot }) => !gone.has(slot)),
      ...come.map((slot) => booting(slot)),
    ],
    freeSlots: [...observed.freeSlots.filter((slot) => !come.includes(slot)), ...gone],
    stoppedSlots: observed.stoppedSlots.filter((slot) => !come.includes(slot)),
  };
}
