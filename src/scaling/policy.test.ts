import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  type Decision,
  decide,
  initialPolicyState,
  type Observed,
  type ObservedInstance,
  type PolicyState,
  type ScalingLimits,
} from './policy.ts';

const LIMITS: ScalingLimits = {
  preset: 'slo',
  minInstances: 0,
  maxInstances: 4,
  sloSeconds: 2,
  targetSeconds: 2,
  billingMinimumSeconds: 0,
  warmPool: 0,
  idleSeconds: 10,
  maxActionsPerRound: 10,
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
const booting = (slot: number) => instance(slot, { phase: 'booting', ageSeconds: 0 });
const draining = (slot: number) => instance(slot, { phase: 'draining' });

/** What the policy does not look at yet. */
const UNSEEN = {
  queueAgeSeconds: 0,
  fleetAgeSeconds: 0,
  stoppedSlots: [],
  arrivals: [],
  completed: 0,
  bootSeconds: { launch: 1, start: 1 },
};

/** What is there, at 0.1 s a job: within the target an instance works off 20. */
function scene(
  parts: Partial<Observed> & { visible?: number; inFlight?: number; delayed?: number },
): Observed {
  const { visible = 0, inFlight = 0, delayed = 0, ...rest } = parts;
  const instances = rest.instances ?? [];
  const taken = new Set(instances.map(({ slot }) => slot));
  return {
    nowMs: 0,
    queue: { visible, inFlight, delayed },
    isFleetKnown: true,
    instances,
    freeSlots: [1, 2, 3, 4].filter((slot) => !taken.has(slot)),
    serviceSeconds: 0.1,
    concurrency: 1,
    ...UNSEEN,
    ...rest,
  };
}

const actionsOf = ({ actions }: Decision): string[] => actions.map(({ kind, slot }) => `${kind} ${slot}`);

describe('the policy goes up', () => {
  const cases: [name: string, observed: Observed, desired: number, actions: string[]][] = [
    ['not without work', scene({}), 0, []],
    ['to one for one job', scene({ visible: 1 }), 1, ['launch 1']],
    ['to one for what one works off', scene({ visible: 20 }), 1, ['launch 1']],
    ['to two for one job more', scene({ visible: 21 }), 2, ['launch 1', 'launch 2']],
    ['counting what is in flight', scene({ inFlight: 21 }), 2, ['launch 1', 'launch 2']],
    ['counting what is delayed', scene({ delayed: 21 }), 2, ['launch 1', 'launch 2']],
    ['to the most', scene({ visible: 5000 }), 4, ['launch 1', 'launch 2', 'launch 3', 'launch 4']],
    ['only by what is missing', scene({ visible: 60, instances: [ready(2)] }), 3, ['launch 1', 'launch 3']],
    ['counting what boots', scene({ visible: 60, instances: [booting(1), booting(2)] }), 3, ['launch 3']],
    [
      'undraining first',
      scene({ visible: 50, instances: [ready(1), draining(3)] }),
      3,
      ['undrain 3', 'launch 2'],
    ],
    ['in free slots only', scene({ visible: 5000, freeSlots: [3] }), 4, ['launch 3']],
    ['with jobs that take no time at all', scene({ visible: 2, serviceSeconds: 1e-9 }), 1, ['launch 1']],
    [
      'with jobs that take longer than the target',
      scene({ visible: 2, serviceSeconds: 60 }),
      2,
      ['launch 1', 'launch 2'],
    ],
    ['with instances that do several jobs at once', scene({ visible: 80, concurrency: 4 }), 1, ['launch 1']],
  ];
  for (const [name, observed, desired, actions] of cases) {
    it(name, () => {
      const decision = decide(observed, LIMITS, initialPolicyState(0));
      assert.equal(decision.desired, desired);
      assert.deepEqual(actionsOf(decision), actions);
      assert.notEqual(decision.reason, '');
    });
  }

  it('to the least there shall be, without work', () => {
    const decision = decide(scene({}), { ...LIMITS, minInstances: 2 }, initialPolicyState(0));
    assert.deepEqual(actionsOf(decision), ['launch 1', 'launch 2']);
  });

  it('by a bounded number a round', () => {
    const decision = decide(
      scene({ visible: 5000 }),
      { ...LIMITS, maxActionsPerRound: 3 },
      initialPolicyState(0),
    );
    assert.equal(decision.desired, 4);
    assert.equal(decision.actions.length, 3);
  });

  it('twofold when every instance has had a waiting job for as long as the target', () => {
    const busy = (nowMs: number) => scene({ nowMs, visible: 3, inFlight: 1, instances: [ready(1)] });
    let state = initialPolicyState(1);
    for (const nowMs of [0, 1000, 1999]) {
      const decision = decide(busy(nowMs), LIMITS, state);
      assert.equal(decision.desired, 1);
      state = decision.state;
    }
    assert.equal(decide(busy(2000), LIMITS, state).desired, 2);
  });

  it('twofold when a job has waited for much longer than the target, even if instances keep dying', () => {
    const overdue = (nowMs: number) =>
      scene({
        nowMs,
        queue: { visible: 1, inFlight: 0, delayed: 0, oldestAgeSeconds: 4.1 },
        instances: [booting(1)],
      });
    const { state } = decide(overdue(0), LIMITS, initialPolicyState(1));
    assert.equal(decide(overdue(1000), LIMITS, state).desired, 1);
    assert.equal(decide(overdue(2000), LIMITS, state).desired, 2);
  });

  it('not twofold while what was launched is booting', () => {
    const state: PolicyState = { ...initialPolicyState(2), tooFewSinceMs: 0 };
    const observed = scene({ nowMs: 60_000, visible: 3, instances: [ready(1), booting(2)] });
    assert.equal(decide(observed, LIMITS, state).desired, 2);
  });
});

describe('the policy goes down', () => {
  const idleFor = (seconds: number): PolicyState => ({
    ...initialPolicyState(3),
    surplus: { sinceMs: -seconds * 1000, peak: 0 },
  });
  const three = [ready(1, 'idle'), ready(2, 'idle'), ready(3, 'idle')];

  it('not before the idle time is over', () => {
    const decision = decide(scene({ instances: three }), LIMITS, idleFor(9.9));
    assert.equal(decision.desired, 3);
    assert.deepEqual(actionsOf(decision), []);
  });

  it('then to the least, the last instance after the others', () => {
    const first = decide(scene({ instances: three }), LIMITS, idleFor(10));
    assert.equal(first.desired, 0);
    assert.deepEqual(actionsOf(first), ['drain 3', 'drain 2']);
    const last = decide(scene({ instances: three.slice(0, 1) }), LIMITS, first.state);
    assert.deepEqual(actionsOf(last), ['drain 1']);
  });

  it('keeping the last one while nothing could be launched in its place', () => {
    const state = initialPolicyState(0);
    const observed = scene({ instances: three.slice(0, 1), freeSlots: [] });
    assert.deepEqual(actionsOf(decide(observed, LIMITS, state)), []);
    assert.deepEqual(actionsOf(decide(observed, { ...LIMITS, maxInstances: 1 }, state)), ['drain 1']);
  });

  it('to the most that were needed during the idle time', () => {
    let state = initialPolicyState(4);
    const four = [...three, ready(4, 'idle')];
    for (const [nowMs, inFlight] of [
      [0, 0],
      [3000, 30],
      [6000, 1],
    ] as const) {
      state = decide(scene({ nowMs, inFlight, instances: four }), LIMITS, state).state;
    }
    const decision = decide(scene({ nowMs: 10_000, instances: four }), LIMITS, state);
    assert.equal(decision.desired, 2);
    assert.deepEqual(actionsOf(decision), ['drain 4', 'drain 3']);
  });

  it('draining only what is idle', () => {
    const instances = [ready(1, 'idle'), ready(2, 'busy'), ready(3, 'unknown')];
    const decision = decide(scene({ instances }), LIMITS, { ...initialPolicyState(1) });
    assert.deepEqual(actionsOf(decision), ['drain 1']);
  });

  it('never while one is busy below one', () => {
    const state = { ...idleFor(60), desired: 1 };
    assert.equal(decide(scene({ instances: [ready(1)] }), LIMITS, state).desired, 1);
  });

  it('never when the queue or the fleet did not tell, and then the idle time starts over', () => {
    for (const blind of [{ queue: undefined }, { isFleetKnown: false }]) {
      const decision = decide(scene({ instances: three, ...blind }), LIMITS, idleFor(60));
      assert.equal(decision.desired, 3);
      assert.deepEqual(actionsOf(decision), []);
      assert.equal(decision.state.surplus, null);
    }
  });
});

describe('the policy always', () => {
  const anyInstance = (slot: number) =>
    fc.record({
      slot: fc.constant(slot),
      busyCount: fc.nat(8),
      ageSeconds: fc.nat(200),
      source: fc.constantFrom('launch' as const, 'start' as const),
      phase: fc.constantFrom('booting' as const, 'ready' as const, 'draining' as const),
      activity: fc.constantFrom('idle' as const, 'busy' as const, 'unknown' as const),
    });
  const count = fc.integer({ min: 0, max: 3000 });
  const world = fc
    .record({
      slots: fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 12 }),
      max: fc.integer({ min: 1, max: 12 }),
      min: fc.integer({ min: 0, max: 12 }),
    })
    .chain(({ slots, max, min }) =>
      fc.record({
        observed: fc.record({
          nowMs: fc.integer({ min: 0, max: 100_000 }),
          queue: fc.option(
            fc.record(
              {
                visible: count,
                inFlight: count,
                delayed: count,
                oldestAgeSeconds: fc.integer({ min: 0, max: 90 }),
              },
              { requiredKeys: ['visible', 'inFlight', 'delayed'] },
            ),
            {
              nil: undefined,
            },
          ),
          isFleetKnown: fc.boolean(),
          instances: fc.tuple(...slots.map(anyInstance)),
          freeSlots: fc.subarray(
            Array.from({ length: max }, (_, index) => index + 1).filter((slot) => !slots.includes(slot)),
          ),
          serviceSeconds: fc.double({ min: 0.001, max: 20, noNaN: true }),
          concurrency: fc.integer({ min: 1, max: 8 }),
          ...constants(UNSEEN),
        }),
        limits: fc.record({
          ...constants({ preset: 'slo' as const, sloSeconds: 2, billingMinimumSeconds: 0, warmPool: 0 }),
          minInstances: fc.constant(Math.min(min, max)),
          maxInstances: fc.constant(max),
          targetSeconds: fc.double({ min: 0.1, max: 60, noNaN: true }),
          idleSeconds: fc.integer({ min: 0, max: 60 }),
          maxActionsPerRound: fc.integer({ min: 1, max: 12 }),
        }),
        state: fc.record({
          desired: fc.integer({ min: 0, max: 14 }),
          surplus: fc.option(
            fc.record({
              sinceMs: fc.integer({ min: -100_000, max: 0 }),
              peak: fc.integer({ min: 0, max: 12 }),
            }),
          ),
          tooFewSinceMs: fc.option(fc.integer({ min: -100_000, max: 0 })),
        }),
      }),
    );

  const holds = (
    name: string,
    check: (w: { observed: Observed; limits: ScalingLimits; state: PolicyState }) => void,
  ) => it(name, () => fc.assert(fc.property(world, check)));

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
    fc.pre(observed.queue === undefined || !observed.isFleetKnown);
    const decision = decide(observed, limits, state);
    assert.ok(decision.desired >= Math.min(state.desired, limits.maxInstances));
    assert.ok(decision.actions.every(({ kind }) => kind !== 'drain'));
  });

  holds('drains only idle instances, and no more than are too many', ({ observed, limits, state }) => {
    const decision = decide(observed, limits, state);
    const drained = decision.actions.filter(({ kind }) => kind === 'drain');
    const active = observed.instances.filter(({ phase }) => phase !== 'draining');
    for (const { slot } of drained) {
      assert.equal(active.find((one) => one.slot === slot)?.activity, 'idle');
    }
    if (drained.length > 0) assert.ok(active.length - drained.length >= decision.desired);
  });

  holds(
    'launches in free slots, undrains all first, and never beyond what is wanted',
    ({ observed, limits, state }) => {
      const decision = decide(observed, limits, state);
      const of = (kind: string) =>
        decision.actions.filter((action) => action.kind === kind).map(({ slot }) => slot);
      const active = observed.instances.filter(({ phase }) => phase !== 'draining').length;
      const revocable = observed.instances.length - active;
      assert.ok(of('launch').every((slot) => observed.freeSlots.includes(slot)));
      if (of('launch').length > 0) assert.equal(of('undrain').length, revocable);
      const more = of('launch').length + of('undrain').length;
      if (more > 0) assert.ok(active + more <= decision.desired);
    },
  );

  holds('wants no fewer for a longer queue', ({ observed, limits, state }) => {
    fc.pre(observed.queue !== undefined);
    const queue = observed.queue!;
    const longer = { ...observed, queue: { ...queue, visible: queue.visible + 17 } };
    assert.ok(decide(longer, limits, state).desired >= decide(observed, limits, state).desired);
  });
});

function constants<T extends object>(parts: T): { [K in keyof T]: fc.Arbitrary<T[K]> } {
  return Object.fromEntries(Object.entries(parts).map(([name, value]) => [name, fc.constant(value)])) as {
    [K in keyof T]: fc.Arbitrary<T[K]>;
  };
}
