import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';
import type { Fleet } from '../ports/fleet.ts';
import type { Queue } from '../ports/queue.ts';
import type { SpendingCaps } from './budget.ts';
import { CallGates } from './call-gates.ts';
import {
  type FleetState,
  type FleetStateStore,
  nextLaunch,
  type SlotPhase,
  slotOf,
  withDecision,
  withSlot,
} from './fleet-state.ts';
import { Growth } from './growth.ts';
import { Hands } from './hands.ts';
import type { Heartbeat, HeartbeatReply } from './heartbeat.ts';
import type { HeartbeatBook } from './heartbeat-book.ts';
import type { Lease } from './leader.ts';
import { Ledger } from './ledger.ts';
import { Observer, type Sight } from './observation.ts';
import { OrphanWatch } from './orphan-watch.ts';
import { Pacer, slotKey } from './pacer.ts';
import {
  decide,
  initialPolicyState,
  type PolicyState,
  type ScalingAction,
  type ScalingLimits,
} from './policy.ts';
import { QueueBelief } from './queue-belief.ts';
import { Sighting } from './sighting.ts';
import { occupiedSlots, SlotWatch, strays } from './slot-watch.ts';
import type { ScalingTimings } from './timings.ts';
import { Upkeep } from './upkeep.ts';

export interface ReconcilerOptions {
  readonly fleet: Fleet;
  readonly requests: Pick<Queue, 'depth' | 'countsExactly'>;
  readonly store: FleetStateStore;
  readonly beats: HeartbeatBook;
  readonly lease: Pick<Lease, 'epoch' | 'mayChange'>;
  readonly limits: ScalingLimits;
  /** Absent: none. */
  readonly caps?: SpendingCaps;
  /** Jobs an instance is configured to work on at once. */
  readonly concurrency: number;
  readonly timings: ScalingTimings;
  readonly clock: Clock;
  /** For jitter, from 0 to 1. */
  readonly random?: () => number;
  readonly logger: Logger;
}

/** `running` for all that are told nothing else. */
const ORDERS: Partial<Record<SlotPhase, HeartbeatReply['order']>> = {
  draining: 'drain',
  ending: 'drain',
  stopping: 'drain',
};

/**
 * One leader's loop: observe everything, bring the books up to date, decide once, write down what is intended, act a
 * bounded amount. It may die at any point: what it had written down the next leader carries out, and what it had not
 * written down it had not begun. It remembers nothing that matters between rounds but what is in the books.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #startedAt: number;
  readonly #observer: Observer;
  readonly #pacer: Pacer;
  readonly #belief: QueueBelief;
  readonly #sighting: Sighting;
  readonly #ledger: Ledger;
  readonly #upkeep: Upkeep;
  readonly #orphans: OrphanWatch;
  readonly #growth: Growth;
  readonly #hands: Hands;
  #policyState: PolicyState | undefined;

  constructor(options: ReconcilerOptions) {
    const { clock, timings, beats, limits, random = Math.random } = options;
    const caps = options.caps ?? { perHour: null, perDay: null };
    const gates = new CallGates(clock, timings, random);
    const pacer = new Pacer(clock, timings, random);
    const slots = new SlotWatch(clock, timings, beats);
    this.#options = options;
    this.#startedAt = clock.monotonic();
    this.#observer = new Observer(clock, timings, beats);
    this.#pacer = pacer;
    this.#belief = new QueueBelief(clock, timings);
    this.#sighting = new Sighting({ ...options, gates });
    this.#ledger = new Ledger({ ...options, gates });
    this.#upkeep = new Upkeep({ ...options, slots, pacer, warmPool: limits.warmPool });
    this.#orphans = new OrphanWatch(clock, timings, slots);
    this.#growth = new Growth({ ...options, caps, pacer });
    this.#hands = new Hands({
      ...options,
      gates,
      pacer,
      mayPredecessorAct: () => this.#mayPredecessorAct(),
      isSilent: (record) => this.#upkeep.isSilent(record),
      onOutcome: (record) => this.#ledger.note(record),
    });
  }

  /** The order for an instance, from the books as they were last written; undefined before they were read. */
  orderFor({ slot, generation, instanceId }: Heartbeat): HeartbeatReply['order'] | undefined {
    const { written } = this.#ledger;
    if (written === undefined) return undefined;
    if (this.#orphans.has(instanceId)) return this.#orphans.isOverdue(instanceId) ? 'release' : 'drain';
    // Slot 0 is a worker that somebody else has started: none of ours to drain.
    if (slot === 0) return 'run';
    const record = slotOf(written, slot);
    const isOther = record.instanceId !== undefined && record.instanceId !== instanceId;
    if (generation < record.generation || (generation === record.generation && isOther)) return 'drain';
    if (generation > record.generation) return 'run';
    return record.isOverdue === true ? 'release' : (ORDERS[record.phase] ?? 'run');
  }

  /** A job was sent just now: the queue's counts may not show it yet. */
  hint(): void {
    this.#belief.hint();
  }

  /** Rejects only for what makes a round impossible; the next one starts afresh. */
  async round(): Promise<void> {
    if (!this.#options.lease.mayChange()) return;
    const [books, look] = await Promise.all([
      this.#ledger.read((state) => this.#upkeep.take(state)),
      this.#sighting.look(),
    ]);
    const seen = this.#sighting.stillTrue(look);
    if (books === undefined || !this.#isEnoughKnown(books, seen)) return;
    const current = this.#upkeep.bringUpToDate(books, seen.instances, seen.listedAt);
    const sight = this.#believed(seen, current);
    const { intended, policyState } = this.#decide(current, sight);
    if (!(await this.#ledger.write(intended))) return;
    // What was not written down was not decided.
    this.#policyState = policyState;
    await this.#hands.act(intended, this.#orphansToEnd(intended, sight, seen.listedAt));
  }

  /** Without any books nobody knows what lives, until the fleet has told. */
  #isEnoughKnown(books: FleetState, { instances }: Sight): boolean {
    return instances !== undefined || books.epoch > 0;
  }

  #believed({ instances, queue }: Sight, { slots }: FleetState): Sight {
    if (queue === undefined) return { instances, queue };
    const isExact = this.#options.requests.countsExactly === true;
    const isFromZero = slots.every(({ phase }) => phase === 'empty' || phase === 'stopped');
    return { instances, queue: this.#belief.believe(queue, { isExact, isFromZero }) };
  }

  #decide(books: FleetState, sight: Sight): { intended: FleetState; policyState: PolicyState } {
    const { limits, concurrency, clock, timings, lease } = this.#options;
    const trials = this.#growth.trials(books);
    const observed = this.#observer.observed(books, sight, {
      freeSlots: this.#freeSlots(books, sight).slice(0, trials),
      stoppedSlots: this.#stoppedSlots(books).slice(0, trials),
      concurrency,
      bootSeconds: timings.bootMs / 1000,
      arrivalsKeptSeconds: Math.max(60, limits.sloSeconds),
    });
    const state = this.#growth.watch(books, observed);
    const active = observed.instances.filter(({ phase }) => phase !== 'draining').length;
    // A leader that is new and sees nothing yet does not want fewer for that. Later the books have the last word: what was
    // written down counts also when nobody said that it was.
    const policyState =
      this.#policyState === undefined
        ? initialPolicyState(Math.max(active, books.desired))
        : { ...this.#policyState, desired: books.desired };
    const decision = decide(observed, limits, policyState);
    const { serviceSeconds } = observed;
    const { boots } = this.#observer;
    const learnt = { ...state, epoch: lease.epoch, serviceSeconds, boots, caps: this.#growth.caps };
    const orphans = strays(state, sight.instances ?? []).length;
    const allowed = this.#growth.allow(decision.actions, { state, observed, limits, orphans });
    if (decision.desired === state.desired && allowed.length === 0) {
      return { intended: learnt, policyState: decision.state };
    }
    const { desired } = decision;
    const actions = allowed.map(({ kind, slot }) => `${kind} ${slot}`);
    const reason = `${decision.reason}${heldBack(decision.actions.length - allowed.length, state)}`;
    this.#options.logger.info({ desired, before: state.desired, actions }, reason);
    const next = allowed.reduce((before, action) => this.#apply(action, before), learnt);
    const intended = withDecision(next, { at: clock.now(), desired, reason, actions });
    return { intended, policyState: decision.state };
  }

  /** In which a launch may be tried now. */
  #freeSlots(state: FleetState, { instances }: Sight): number[] {
    const occupied = occupiedSlots(instances ?? []);
    const all = Array.from({ length: this.#options.limits.maxInstances }, (_, index) => index + 1);
    return all.filter(
      (slot) =>
        slotOf(state, slot).phase === 'empty' && !occupied.has(slot) && this.#pacer.isDue(slotKey(slot)),
    );
  }

  /** With an instance that may be started now: not while somebody who leads no more may still be about to stop it. */
  #stoppedSlots({ slots }: FleetState): number[] {
    const { limits, lease } = this.#options;
    const startable = slots.filter(
      ({ slot, phase, orderedIn, mustDrain }) =>
        phase === 'stopped' &&
        slot <= limits.maxInstances &&
        mustDrain !== true &&
        (orderedIn === lease.epoch || !this.#mayPredecessorAct()) &&
        this.#pacer.isDue(slotKey(slot)),
    );
    return startable.map(({ slot }) => slot);
  }

  #apply({ kind, slot }: ScalingAction, state: FleetState): FleetState {
    const { clock, fleet, lease } = this.#options;
    const record = slotOf(state, slot);
    const since = clock.now();
    const reservedUntil = this.#growth.reservedUntil();
    const ordered = { since, wasReady: false, orderedIn: lease.epoch, reservedUntil };
    switch (kind) {
      case 'launch': {
        const request = nextLaunch(fleet, record);
        const { instanceId: _, ...rest } = record;
        const { generation } = request;
        const up = { at: since, source: 'launch' as const };
        return withSlot(state, { ...rest, ...ordered, generation, request, up, phase: 'launching' });
      }
      case 'start': {
        if (record.instanceId !== undefined) this.#options.beats.forget(record.instanceId);
        const up = { at: since, source: 'start' as const };
        return withSlot(state, { ...record, ...ordered, up, phase: 'starting' });
      }
      case 'drain':
        return withSlot(state, { ...record, phase: 'draining', since });
      case 'undrain':
        return withSlot(state, { ...record, phase: 'running', since, reservedUntil });
    }
  }

  #orphansToEnd(state: FleetState, { instances }: Sight, listedAt: number) {
    if (instances === undefined) return [];
    return this.#orphans.mayEnd(strays(state, instances), instances, listedAt);
  }

  /** The leader before this one may not know yet that it is no more. */
  #mayPredecessorAct(): boolean {
    const { clock, timings } = this.#options;
    return clock.monotonic() - this.#startedAt < timings.predecessorMs;
  }
}

/** For people: why not all is done that the policy wants. */
function heldBack(count: number, { pausedAt, brakes }: FleetState): string {
  if (count === 0) return '';
  const reasons = pausedAt !== null ? ['scaling is paused'] : brakes.map(({ reason }) => reason);
  return `; held back: ${reasons.join('; ')}`;
}
