import fc from 'fast-check';
import type { CallKind } from '../../../src/scaling/call-gates.ts';
import type { FaultWorld } from './fault-world.ts';
import type { FaultKind } from './faults.ts';
import type { Interruption } from './life.ts';

/** What a world is like. */
export interface Setting {
  readonly seed: number;
  readonly min: number;
  readonly max: number;
  readonly warmPool: number;
  readonly canStop: boolean;
  /** The end of a worker is the end of its machine. */
  readonly isProcess: boolean;
  /** A dead controller is seen to be dead. */
  readonly isOneMachine: boolean;
  readonly idleSeconds: number;
  readonly billingMinimumSeconds: number;
  readonly bootMs: number;
  readonly pendingMs: number;
  readonly serviceMs: number;
  readonly crashShare: number;
  readonly hangShare: number;
  readonly listLagMs: number;
  readonly countLagMs: number | null;
  readonly latencyMs: number;
  readonly hints: boolean;
  readonly capSeconds: number | null;
  readonly hasClockJumps: boolean;
}

export type Event =
  | { readonly kind: 'send'; readonly count: number }
  | {
      readonly kind: 'fault';
      readonly calls: readonly CallKind[];
      readonly fault: FaultKind;
      readonly forMs: number;
      readonly share: number;
    }
  | { readonly kind: 'interrupt'; readonly which: number; readonly interruption: Interruption }
  | { readonly kind: 'controller' }
  | { readonly kind: 'jump'; readonly which: number; readonly byMs: number }
  | { readonly kind: 'kill worker' | 'reclaim'; readonly which: number }
  | { readonly kind: 'mute'; readonly which: number; readonly forMs: number }
  | { readonly kind: 'obstinate'; readonly which: number }
  | { readonly kind: 'pause'; readonly forMs: number }
  | { readonly kind: 'drain'; readonly slot: number };

export interface Schedule {
  readonly setting: Setting;
  /** After how many milliseconds from the one before, and what. */
  readonly events: readonly (readonly [afterMs: number, event: Event])[];
}

const CALLS: readonly CallKind[] = [
  'list',
  'depth',
  'launch',
  'start',
  'stop',
  'terminate',
  'read books',
  'write books',
];

const seconds = (min: number, max: number) =>
  fc.integer({ min: min * 2, max: max * 2 }).map((halves) => halves * 500);
const which = fc.nat(9);

export const setting: fc.Arbitrary<Setting> = fc.record({
  seed: fc.nat(2 ** 31 - 1),
  min: fc.oneof({ arbitrary: fc.constant(0), weight: 4 }, { arbitrary: fc.constant(1), weight: 1 }),
  max: fc.integer({ min: 1, max: 4 }),
  warmPool: fc.constantFrom(0, 0, 1, 2),
  canStop: fc.constantFrom(true, true, true, false),
  isProcess: fc.boolean(),
  isOneMachine: fc.boolean(),
  idleSeconds: fc.constantFrom(0, 2, 5),
  billingMinimumSeconds: fc.constantFrom(0, 0, 10),
  bootMs: fc.constantFrom(500, 2000, 6000),
  pendingMs: fc.constantFrom(500, 2000),
  serviceMs: fc.constantFrom(300, 1000, 2500),
  crashShare: fc.constantFrom(0, 0, 0, 0.3),
  hangShare: fc.constantFrom(0, 0, 0, 0.1),
  listLagMs: fc.constantFrom(0, 0, 1500, 5000),
  countLagMs: fc.constantFrom(null, null, 3000, 7000),
  latencyMs: fc.constantFrom(0, 0, 0, 1500),
  hints: fc.boolean(),
  capSeconds: fc.constantFrom(null, null, null, 150, 400),
  hasClockJumps: fc.constantFrom(false, false, true),
});

const interruption = fc.record({
  inCalls: fc.integer({ min: 1, max: 30 }),
  fate: fc.constantFrom('before' as const, 'after' as const),
  frozenMs: fc.oneof(fc.constant(null), seconds(1, 18)),
});

const event: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('send' as const), count: fc.integer({ min: 1, max: 12 }) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('fault' as const),
      calls: fc.oneof(fc.subarray([...CALLS], { minLength: 1, maxLength: 3 }), fc.constant(CALLS)),
      fault: fc.constantFrom<FaultKind>('throttled', 'unavailable', 'lost', 'capacity'),
      forMs: seconds(1, 15),
      share: fc.constantFrom(1, 1, 0.5),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('interrupt' as const), which, interruption }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('controller' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('jump' as const),
      which,
      byMs: fc.constantFrom(-30_000, -5000, 5000, 30_000),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('kill worker' as const, 'reclaim' as const), which }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('mute' as const), which, forMs: seconds(2, 25) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('obstinate' as const), which }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('pause' as const), forMs: seconds(2, 15) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('drain' as const), slot: fc.integer({ min: 1, max: 4 }) }),
  },
);

/** Schedules of a minute or so. */
export const schedules: fc.Arbitrary<Schedule> = fc.record({
  setting,
  events: fc.array(fc.tuple(seconds(0, 8), event), { minLength: 1, maxLength: 12 }),
});

export async function happen(world: FaultWorld, event: Event): Promise<void> {
  const { time } = world;
  switch (event.kind) {
    case 'send':
      return world.send(event.count);
    case 'fault':
      return world.faults.add({ ...event, kind: event.fault });
    case 'interrupt':
      return pick(world.living, event.which)?.life.interrupt(event.interruption);
    case 'controller':
      if (world.living.length < 3) world.addController();
      return;
    case 'jump': {
      const controller = pick(world.living, event.which);
      if (world.setting.hasClockJumps && controller !== undefined) controller.clock.offsetMs += event.byMs;
      return;
    }
    case 'kill worker': {
      const machine = pick(world.cloud.living, event.which);
      if (machine !== undefined) world.cloud.end(machine, 'others');
      return;
    }
    case 'reclaim': {
      const machine = pick(world.cloud.living, event.which);
      if (machine === undefined) return;
      world.workers.get(machine.id)?.drain();
      time.after(10_000, () => world.cloud.end(machine, 'others'));
      return;
    }
    case 'mute': {
      const worker = pick(
        [...world.workers.values()].filter(({ isAlive }) => isAlive),
        event.which,
      );
      if (worker !== undefined) worker.mutedUntil = time.now + event.forMs;
      return;
    }
    case 'obstinate': {
      const worker = pick(
        [...world.workers.values()].filter(({ isBusy }) => isBusy),
        event.which,
      );
      if (worker !== undefined) worker.isObstinate = true;
      return;
    }
    case 'pause':
      await world.pause();
      time.after(event.forMs, () => void world.resume());
      return;
    case 'drain':
      return world.drain(event.slot);
  }
}

function pick<T>(choices: readonly T[], which: number): T | undefined {
  return choices[which % Math.max(1, choices.length)];
}
