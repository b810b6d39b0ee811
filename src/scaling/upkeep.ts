import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';
import type { Instance } from '../ports/fleet.ts';
import { accrue } from './budget.ts';
import { emptySlot, type FleetState, isLiving, type SlotRecord, withSlot } from './fleet-state.ts';
import { BOOT_BRAKE_AFTER } from './growth.ts';
import type { HeartbeatBook } from './heartbeat-book.ts';
import { advance, isSilent, type SlotEvent } from './lifecycle.ts';
import { type Pacer, PROBE, slotKey } from './pacer.ts';
import { adoptable, type SlotWatch } from './slot-watch.ts';
import type { ScalingTimings } from './timings.ts';

export interface UpkeepOptions {
  readonly slots: SlotWatch;
  readonly beats: HeartbeatBook;
  readonly pacer: Pacer;
  /** Instances to keep stopped. */
  readonly warmPool: number;
  readonly timings: ScalingTimings;
  readonly clock: Clock;
  readonly logger: Logger;
}

const MESSAGES = {
  draining: 'instance drains',
  leaving: 'ending an instance',
  ended: 'instance ended',
  killed: 'instance was ended by others before it was ready',
  stopped: 'instance is stopped',
  started: 'instance runs again',
};

/** Brings the books up to date with what was seen: who became ready, who ended, whose time is over, and what it all has cost. */
export class Upkeep {
  readonly #options: UpkeepOptions;

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  /** Books that were read from the store: who crashed before is not tried at once by the next leader either. */
  take({ slots, crashStreak }: FleetState): void {
    const { pacer } = this.#options;
    for (const { slot, failures } of slots) if (failures > 0) pacer.putOff(slotKey(slot), failures);
    if (crashStreak >= BOOT_BRAKE_AFTER) pacer.putOff(PROBE, crashStreak - BOOT_BRAKE_AFTER + 1);
  }

  /** `listedAt`: when the list was asked for, by the monotonic clock. */
  bringUpToDate(books: FleetState, listing: readonly Instance[] | undefined, listedAt: number): FleetState {
    const { clock, logger, slots, timings } = this.#options;
    const now = clock.now();
    const spending = books.slots.filter((record) => doesCost(record, now)).length;
    let state = { ...books, spending: accrue(books.spending, spending, now) };
    for (const instance of adoptable(state, listing ?? [])) {
      const { id, slot, generation } = instance;
      logger.info({ instanceId: id, slot, generation }, 'found an instance that the books had lost');
      state = withSlot(state, adopted(instance, now));
    }
    for (const record of state.slots) {
      if (record.phase === 'empty') continue;
      const facts = slots.facts(record, listing, { listedAt, isForPool: this.#hasPoolRoom(state, record) });
      const progress = advance(record, facts, timings);
      if (progress.record !== record) state = withSlot(state, progress.record);
      if (progress.event !== undefined) state = this.#tell(progress.event, record, progress.record, state);
    }
    slots.forgetAllBut(knownIds(state, listing));
    return state;
  }

  /** Also by heartbeats that came after the books were brought up to date. */
  isSilent(record: SlotRecord): boolean {
    const { slots, timings } = this.#options;
    return isSilent(record, slots.facts(record, undefined), timings);
  }

  /** Whether the instance may be in the warm pool: there is room beside the others, those in lower slots first. */
  #hasPoolRoom({ slots }: FleetState, { slot, phase }: SlotRecord): boolean {
    const isOther = ({ phase, slot: other }: SlotRecord) =>
      (phase === 'stopped' || phase === 'stopping') && other !== slot;
    const others = slots.filter(isOther);
    const before = phase === 'stopped' ? others.filter((other) => other.slot < slot) : others;
    return before.length < this.#options.warmPool;
  }

  #tell(event: SlotEvent, before: SlotRecord, after: SlotRecord, state: FleetState): FleetState {
    const { logger, pacer, beats } = this.#options;
    const { slot, generation } = before;
    const { instanceId } = before.instanceId === undefined ? after : before;
    const facts = { slot, generation, instanceId, reason: event.reason };
    switch (event.kind) {
      case 'ready':
        logger.info(facts, 'instance is ready');
        pacer.clear(slotKey(slot));
        pacer.clear(PROBE);
        return { ...state, crashStreak: 0 };
      case 'crashed':
        return this.#tellCrash(facts, after, state);
      case 'overdue':
        logger.warn(facts, 'an instance is to give its messages back');
        return state;
      case 'killed':
        // No fault of its own, so that the next one may do well; but not at full speed, should somebody make a habit of it.
        pacer.putOff(slotKey(slot), 1);
        break;
      case 'stopped':
        // What it said before it was stopped tells nothing about its next run.
        if (instanceId !== undefined) beats.forget(instanceId);
        break;
    }
    logger.info(facts, MESSAGES[event.kind]);
    return state;
  }

  #tellCrash(facts: { readonly slot: number }, after: SlotRecord, state: FleetState): FleetState {
    const { logger, pacer } = this.#options;
    const crashStreak = state.crashStreak + 1;
    const retryInMs = pacer.putOff(slotKey(facts.slot), after.failures);
    if (crashStreak >= BOOT_BRAKE_AFTER) pacer.putOff(PROBE, crashStreak - BOOT_BRAKE_AFTER + 1);
    logger.warn(
      { ...facts, failures: after.failures, crashStreak, retryInMs },
      'instance ended before it was ready',
    );
    return { ...state, crashStreak };
  }
}

/** A launch that nobody has answered for long was none. */
function doesCost(record: SlotRecord, now: number): boolean {
  const isInDoubt = record.phase === 'launching' || record.phase === 'starting';
  return isLiving(record) && !(isInDoubt && now > (record.reservedUntil ?? 0));
}

/** A stopped one is taken into the warm pool, or ended if that is full. */
function adopted({ id, slot, generation, state, launchedAt }: Instance, now: number): SlotRecord {
  const phase = state === 'stopped' ? ('stopped' as const) : ('running' as const);
  const up = { at: launchedAt.getTime(), source: 'launch' as const };
  const isUp = phase === 'running';
  return { ...emptySlot(slot), generation, phase, instanceId: id, since: now, up, wasReady: isUp };
}

function knownIds(state: FleetState, listing: readonly Instance[] | undefined): ReadonlySet<string> {
  const ids = new Set(listing?.map(({ id }) => id));
  for (const { instanceId } of state.slots) if (instanceId !== undefined) ids.add(instanceId);
  return ids;
}
