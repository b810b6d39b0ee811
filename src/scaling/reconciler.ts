import { errorCode, errorMessage, isTransient } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';
import type { Fleet, Instance } from '../ports/fleet.ts';
import type { Queue } from '../ports/queue.ts';
import {
  emptySlot,
  type FleetState,
  type FleetStateStore,
  nextLaunch,
  type SlotRecord,
  slotOf,
  withDecision,
  withSlot,
} from './fleet-state.ts';
import type { Heartbeat, HeartbeatReply } from './heartbeat.ts';
import type { HeartbeatBook } from './heartbeat-book.ts';
import type { Lease } from './leader.ts';
import { advance, emptied, type SlotEvent } from './lifecycle.ts';
import { adoptable, Observer, occupiedSlots, type Sight, strays } from './observation.ts';
import { Pacer } from './pacer.ts';
import { type Decision, decide, initialPolicyState, type PolicyState, type ScalingLimits } from './policy.ts';
import type { ScalingTimings } from './timings.ts';
import { TroubleLog } from './trouble-log.ts';

export interface ReconcilerOptions {
  readonly fleet: Fleet;
  readonly requests: Queue;
  readonly store: FleetStateStore;
  readonly beats: HeartbeatBook;
  readonly lease: Pick<Lease, 'epoch' | 'mayChange'>;
  readonly limits: ScalingLimits;
  /** Jobs an instance is configured to work on at once. */
  readonly concurrency: number;
  readonly timings: ScalingTimings;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** From so many in a row that end before they are ready, only one is tried at a time. */
const CRASH_LOOP = 3;
const MESSAGES = {
  draining: 'instance drains by itself',
  leaving: 'ending an instance',
  ended: 'instance ended',
  killed: 'instance was ended by others before it was ready',
};
const PROBE = 'probe';
const slotKey = (slot: number) => `slot ${slot}`;
const launchKey = ({ slot, generation }: SlotRecord) => `launch ${slot}/${generation}`;
const endKey = (id: string) => `end ${id}`;

/**
 * One leader's loop: observe everything, bring the books up to date, decide once, write down what is intended, act a
 * bounded amount. It may die at any point: what it had written down the next leader carries out, and what it had not
 * written down it had not begun. It remembers nothing that matters between rounds but what is in the books.
 */
export class Reconciler {
  readonly #options: ReconcilerOptions;
  readonly #observer: Observer;
  readonly #pacer: Pacer;
  readonly #troubles: TroubleLog;
  #books: { state: FleetState; etag: string | undefined } | undefined;
  /** The books as they were last written, which orders follow. */
  #written: FleetState | undefined;
  #savedEssence = '';
  #policyState: PolicyState | undefined;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#observer = new Observer(options.clock, options.timings, options.beats);
    this.#pacer = new Pacer(options.clock, options.timings);
    this.#troubles = new TroubleLog(options.logger);
  }

  /** The order for an instance, from the books as they were last written; undefined before they were read. */
  orderFor({ slot, generation }: Heartbeat): HeartbeatReply['order'] | undefined {
    if (this.#written === undefined) return undefined;
    // Slot 0 is a worker that somebody else has started: none of ours to drain.
    if (slot === 0) return 'run';
    const record = slotOf(this.#written, slot);
    if (generation === record.generation) {
      return record.phase === 'draining' || record.phase === 'ending' ? 'drain' : 'run';
    }
    return generation < record.generation ? 'drain' : 'run';
  }

  /** Rejects only for what makes a round impossible; the next one starts afresh. */
  async round(): Promise<void> {
    if (!this.#options.lease.mayChange()) return;
    const [books, sight] = await Promise.all([this.#readBooks(), this.#look()]);
    if (books === undefined) return;
    const current = this.#bringUpToDate(books.state, sight);
    const intended = this.#decide(current, sight);
    if (!(await this.#writeDown(intended))) return;
    await this.#act(sight);
  }

  async #readBooks(): Promise<{ state: FleetState; etag: string | undefined } | undefined> {
    const { store, lease, logger } = this.#options;
    if (this.#books !== undefined) return this.#books;
    const books = await store.load();
    if (books.state.epoch > lease.epoch) {
      logger.warn({ epoch: lease.epoch, newerEpoch: books.state.epoch }, 'a newer controller has taken over');
      return undefined;
    }
    this.#books = books;
    this.#putOffKnownCrashers(books.state);
    return books;
  }

  #putOffKnownCrashers({ slots, crashStreak }: FleetState): void {
    for (const { slot, failures } of slots) if (failures > 0) this.#pacer.putOff(slotKey(slot), failures);
    if (crashStreak >= CRASH_LOOP) this.#pacer.putOff(PROBE, crashStreak - CRASH_LOOP + 1);
  }

  async #look(): Promise<Sight> {
    const { fleet, requests } = this.#options;
    const [instances, queue] = await Promise.all([
      this.#orUndefined('observing the fleet', fleet.list()),
      this.#orUndefined('observing the queue', requests.depth()),
    ]);
    return { instances, queue };
  }

  async #orUndefined<T>(what: string, seeing: Promise<T>): Promise<T | undefined> {
    try {
      const seen = await seeing;
      this.#troubles.works(what);
      return seen;
    } catch (error) {
      this.#troubles.fails(what, errorMessage(error));
      return undefined;
    }
  }

  #bringUpToDate(books: FleetState, sight: Sight): FleetState {
    const { clock, timings, logger } = this.#options;
    let state = books;
    for (const { id, slot, generation } of adoptable(state, sight.instances ?? [])) {
      logger.info({ instanceId: id, slot, generation }, 'found an instance that the books had lost');
      const found = { ...emptySlot(slot), generation, phase: 'running' as const, instanceId: id };
      state = withSlot(state, { ...found, since: clock.now(), wasReady: true });
    }
    for (const record of state.slots) {
      const progress = advance(record, this.#observer.facts(record, sight), timings);
      if (progress.record !== record) state = withSlot(state, progress.record);
      if (progress.event !== undefined) state = this.#tell(progress.event, record, progress.record, state);
    }
    return state;
  }

  #tell(event: SlotEvent, before: SlotRecord, after: SlotRecord, state: FleetState): FleetState {
    const { logger } = this.#options;
    const { slot, generation, instanceId } = before;
    const facts = { slot, generation, instanceId, reason: event.reason };
    if (event.kind === 'ready') {
      logger.info(facts, 'instance is ready');
      this.#pacer.clear(slotKey(slot));
      this.#pacer.clear(PROBE);
      return { ...state, crashStreak: 0 };
    }
    if (event.kind === 'killed') {
      // No fault of its own, so that the next one may do well; but not at full speed, should somebody make a habit of it.
      this.#pacer.putOff(slotKey(slot), 1);
    }
    if (event.kind !== 'crashed') {
      logger.info(facts, MESSAGES[event.kind]);
      return state;
    }
    const crashStreak = state.crashStreak + 1;
    const retryInMs = this.#pacer.putOff(slotKey(slot), after.failures);
    if (crashStreak >= CRASH_LOOP) this.#pacer.putOff(PROBE, crashStreak - CRASH_LOOP + 1);
    logger.warn(
      { ...facts, failures: after.failures, crashStreak, retryInMs },
      'instance ended before it was ready',
    );
    return { ...state, crashStreak };
  }

  #decide(state: FleetState, sight: Sight): FleetState {
    const { limits, concurrency, clock, timings } = this.#options;
    const observed = this.#observer.observed(state, sight, {
      freeSlots: this.#freeSlots(state, sight),
      stoppedSlots: [],
      concurrency,
      bootSeconds: timings.bootMs / 1000,
      arrivalsKeptSeconds: limits.sloSeconds,
    });
    const active = observed.instances.filter(({ phase }) => phase !== 'draining').length;
    const policyState = this.#policyState ?? initialPolicyState(active);
    const decision = decide(observed, limits, policyState);
    this.#policyState = decision.state;
    const { serviceSeconds } = observed;
    const { boots } = this.#observer;
    const learnt = { ...state, epoch: this.#options.lease.epoch, serviceSeconds, boots };
    const isNews = decision.desired !== state.desired || decision.actions.length > 0;
    if (!isNews) return learnt;
    const actions = decision.actions.map(({ kind, slot }) => `${kind} ${slot}`);
    this.#options.logger.info({ desired: decision.desired, before: state.desired, actions }, decision.reason);
    const { desired, reason } = decision;
    return withDecision(this.#apply(decision, learnt), { at: clock.now(), desired, reason, actions });
  }

  /** Slots in which a launch may be tried now; while instances crash one after the other, one at most. */
  #freeSlots(state: FleetState, { instances }: Sight): number[] {
    const occupied = occupiedSlots(instances ?? []);
    const all = Array.from({ length: this.#options.limits.maxInstances }, (_, index) => index + 1);
    const free = all.filter(
      (slot) =>
        slotOf(state, slot).phase === 'empty' && !occupied.has(slot) && this.#pacer.isDue(slotKey(slot)),
    );
    if (state.crashStreak < CRASH_LOOP) return free;
    const isProbing = state.slots.some(
      ({ phase, wasReady }) => phase === 'launching' || (phase === 'running' && !wasReady),
    );
    return isProbing || !this.#pacer.isDue(PROBE) ? [] : free.slice(0, 1);
  }

  #apply(decision: Decision, state: FleetState): FleetState {
    const { clock, fleet } = this.#options;
    let next = state;
    for (const { kind, slot } of decision.actions) {
      const record = slotOf(next, slot);
      const since = clock.now();
      if (kind === 'launch') {
        const request = nextLaunch(fleet, record);
        const { instanceId: _, ...rest } = record;
        const { generation } = request;
        const up = { at: since, source: 'launch' as const };
        next = withSlot(next, {
          ...rest,
          generation,
          request,
          up,
          phase: 'launching',
          since,
          wasReady: false,
        });
      } else {
        next = withSlot(next, { ...record, phase: kind === 'drain' ? 'draining' : 'running', since });
      }
    }
    return next;
  }

  /** False when somebody else has written meanwhile, or may have: then nothing of it may be acted upon. */
  async #writeDown(state: FleetState): Promise<boolean> {
    const { store, lease, logger } = this.#options;
    const etag = this.#books?.etag;
    const essence = essenceOf(state);
    if (etag !== undefined && essence === this.#savedEssence) {
      this.#books = { state, etag };
      return true;
    }
    if (!lease.mayChange()) return false;
    // Until the call has succeeded it is unknown what is stored.
    this.#books = undefined;
    this.#savedEssence = '';
    try {
      this.#books = { state, etag: await store.save(state, etag) };
    } catch (error) {
      if (errorCode(error) !== 'precondition-failed') throw error;
      logger.info('the fleet state was changed by another; reading it again');
      return false;
    }
    this.#written = state;
    this.#savedEssence = essence;
    return true;
  }

  async #act(sight: Sight): Promise<void> {
    const state = this.#books?.state;
    if (state === undefined) return;
    const launches = state.slots.filter(({ phase }) => phase === 'launching').map((one) => this.#launch(one));
    const ends = state.slots
      .filter(({ phase }) => phase === 'ending')
      .flatMap(({ instanceId }) => (instanceId === undefined ? [] : [this.#end(instanceId)]));
    const lost = strays(state, sight.instances ?? []).filter((stray) => this.#mayEnd(stray, sight));
    await Promise.all([...launches, ...ends, ...lost.map(({ id }) => this.#end(id))]);
  }

  /** Calls the fleet with the launch as it is written down, for the first time or again. */
  async #launch(record: SlotRecord): Promise<void> {
    const { fleet, lease, clock, logger } = this.#options;
    const key = launchKey(record);
    if (record.request === undefined || !this.#pacer.isDue(key) || !lease.mayChange()) return;
    try {
      const { id } = await fleet.launch(record.request);
      this.#pacer.clear(key);
      this.#note({ ...record, phase: 'running', since: clock.now(), instanceId: id });
    } catch (error) {
      const reason = errorMessage(error);
      const { slot, generation } = record;
      if (isTransient(error) || errorCode(error) === undefined) {
        const retryInMs = this.#pacer.putOff(key);
        logger.warn({ slot, generation, reason, retryInMs }, 'a launch may have failed; it will be repeated');
        return;
      }
      const failures = record.failures + 1;
      const retryInMs = this.#pacer.putOff(slotKey(slot), failures);
      logger.warn({ slot, generation, reason, retryInMs }, 'a launch failed');
      this.#note(emptied(record, clock.now(), reason, failures));
    }
  }

  async #end(instanceId: string): Promise<void> {
    const { fleet, lease, logger } = this.#options;
    const key = endKey(instanceId);
    if (!this.#pacer.isDue(key) || !lease.mayChange()) return;
    // Told again until it is gone, but not every round.
    this.#pacer.putOff(key);
    try {
      await fleet.terminate(instanceId);
    } catch (error) {
      logger.warn({ instanceId, error: errorMessage(error) }, 'an instance could not be ended; trying again');
    }
  }

  /** A stray is told to drain by its heartbeat's reply, and ended by the same rules as the others. */
  #mayEnd({ id, slot, generation }: Instance, sight: Sight): boolean {
    const draining: SlotRecord = {
      ...emptySlot(slot),
      generation,
      phase: 'draining',
      instanceId: id,
      wasReady: true,
    };
    const facts = this.#observer.facts(draining, sight);
    return advance(draining, facts, this.#options.timings).record.phase === 'ending';
  }

  /** What came of an action; written down with the next round, since it can be found out again. */
  #note(record: SlotRecord): void {
    if (this.#books !== undefined) this.#books.state = withSlot(this.#books.state, record);
  }
}

/** What must not be lost; the rest is learnt again. */
function essenceOf(state: FleetState): string {
  return JSON.stringify({ ...state, serviceSeconds: 0, boots: 0 });
}
