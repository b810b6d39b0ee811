import fc from 'fast-check';
import type { Observed, ObservedInstance, PolicyState, ScalingLimits } from '../../src/scaling/policy.ts';

export interface PolicyScene {
  readonly observed: Observed;
  readonly limits: ScalingLimits;
  readonly state: PolicyState;
}

/** Anything that a policy may ever see, sensible or not. */
export function policyScenes(): fc.Arbitrary<PolicyScene> {
  const frame = fc.record({
    slots: fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 12 }),
    max: fc.integer({ min: 1, max: 12 }),
    min: fc.integer({ min: 0, max: 12 }),
  });
  return frame.chain(({ slots, max, min }) => {
    const inUse = slots.filter((slot) => slot <= max);
    const others = Array.from({ length: max }, (_, index) => index + 1).filter(
      (slot) => !inUse.includes(slot),
    );
    return fc.record({
      observed: observations(inUse, others),
      limits: limitsWithin(Math.min(min, max), max),
      state: states(),
    });
  });
}

/** So many jobs more, which came just now. */
export function withBacklog({ observed }: PolicyScene, more: number): Observed {
  const { queue, arrivals } = observed;
  if (queue === undefined) return observed;
  return { ...observed, queue: { ...queue, visible: queue.visible + more }, arrivals: [...arrivals] };
}

function observations(inUse: readonly number[], others: readonly number[]): fc.Arbitrary<Observed> {
  const count = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3000 }));
  const queue = fc.record(
    { visible: count, inFlight: count, delayed: count, oldestAgeSeconds: fc.integer({ min: 0, max: 90 }) },
    { requiredKeys: ['visible', 'inFlight', 'delayed'] },
  );
  return fc
    .record({
      nowMs: fc.integer({ min: 0, max: 100_000 }),
      queue: fc.option(queue, { nil: undefined }),
      queueAgeSeconds: fc.nat(60),
      isFleetKnown: fc.boolean(),
      fleetAgeSeconds: fc.nat(60),
      instances: fc.tuple(...inUse.map(anyInstance)),
      split: fc.nat(others.length),
      arrivals: fc.array(fc.record({ ageSeconds: fc.nat(120), count: fc.integer({ min: 1, max: 400 }) }), {
        maxLength: 20,
      }),
      completed: fc.nat(1000),
      serviceSeconds: fc.double({ min: 0.001, max: 20, noNaN: true }),
      concurrency: fc.integer({ min: 1, max: 8 }),
      bootSeconds: fc.record({
        launch: fc.double({ min: 0.1, max: 120, noNaN: true }),
        start: fc.double({ min: 0.1, max: 60, noNaN: true }),
      }),
    })
    .map(({ split, arrivals, ...rest }) => ({
      ...rest,
      arrivals: arrivals.toSorted((one, other) => other.ageSeconds - one.ageSeconds),
      freeSlots: others.slice(split),
      stoppedSlots: others.slice(0, split),
    }));
}

function anyInstance(slot: number): fc.Arbitrary<ObservedInstance> {
  return fc.record({
    slot: fc.constant(slot),
    phase: fc.constantFrom('booting' as const, 'ready' as const, 'draining' as const),
    activity: fc.constantFrom('idle' as const, 'busy' as const, 'unknown' as const),
    busyCount: fc.nat(8),
    ageSeconds: fc.nat(200),
    source: fc.constantFrom('launch' as const, 'start' as const),
  });
}

function limitsWithin(minInstances: number, maxInstances: number): fc.Arbitrary<ScalingLimits> {
  return fc.record({
    preset: fc.constantFrom('slo' as const, 'slo' as const, 'course' as const, 'original' as const),
    minInstances: fc.constant(minInstances),
    maxInstances: fc.constant(maxInstances),
    sloSeconds: fc.double({ min: 0.1, max: 300, noNaN: true }),
    lookSeconds: fc.constantFrom(0.25, 1),
    idleSeconds: fc.integer({ min: 0, max: 60 }),
    billingMinimumSeconds: fc.constantFrom(0, 60),
    warmPool: fc.integer({ min: 0, max: 3 }),
    maxActionsPerRound: fc.integer({ min: 1, max: 12 }),
  });
}

function states(): fc.Arbitrary<PolicyState> {
  return fc.record({
    desired: fc.integer({ min: 0, max: 14 }),
    surplus: fc.option(
      fc.record({ sinceMs: fc.integer({ min: -100_000, max: 0 }), peak: fc.integer({ min: 0, max: 12 }) }),
    ),
    lateSinceMs: fc.option(fc.integer({ min: -100_000, max: 0 })),
  });
}
