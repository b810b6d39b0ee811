import type { Clock } from '../ports/clock.ts';
import type { Instance } from '../ports/fleet.ts';
import { type FleetState, type SlotRecord, slotOf } from './fleet-state.ts';
import type { HeartbeatBook } from './heartbeat-book.ts';
import type { SlotFacts } from './lifecycle.ts';
import type { ScalingTimings } from './timings.ts';

type Listing = readonly Instance[] | undefined;
type Mark = 'known' | 'draining' | 'overdue';

/**
 * Makes of the fleet's list and the heartbeats what `advance` wants to know of a slot. Remembers since when this leader
 * has known an instance, so that no absence counts that began before it looked.
 */
export class SlotWatch {
  readonly #clock: Clock;
  readonly #timings: ScalingTimings;
  readonly #beats: HeartbeatBook;
  /** Since when it has been so without a break, by what and instance. */
  readonly #marks = new Map<string, number>();

  constructor(clock: Clock, timings: ScalingTimings, beats: HeartbeatBook) {
    this.#clock = clock;
    this.#timings = timings;
    this.#beats = beats;
  }

  /** `listedAt`: when the list was asked for, by the monotonic clock. */
  facts(
    record: SlotRecord,
    listing: Listing,
    { isForPool = false, listedAt }: { isForPool?: boolean; listedAt?: number } = {},
  ): SlotFacts {
    const { phase } = record;
    const at = this.#clock.monotonic();
    const isUp = phase === 'running' || phase === 'draining' || phase === 'ending';
    const knownSince = this.#mark('known', record, at, isUp);
    const knownMs = Math.max(0, (listedAt ?? at) - knownSince);
    const noted = phase === 'stopping' || phase === 'stopped' ? undefined : this.#beats.of(record);
    return {
      now: this.#clock.now(),
      listing: this.#listed(record, listing, knownMs),
      beat: noted?.beat,
      knownMs,
      silentMs: at - Math.max(knownSince, noted?.at ?? 0),
      drainingMs: at - this.#mark('draining', record, at, phase === 'draining'),
      overdueMs: at - this.#mark('overdue', record, at, record.isOverdue === true),
      isForPool,
    };
  }

  /** Lets go of what is remembered of instances that are gone. */
  forgetAllBut(instanceIds: ReadonlySet<string>): void {
    for (const key of this.#marks.keys()) {
      if (!instanceIds.has(key.slice(key.indexOf(' ') + 1))) this.#marks.delete(key);
    }
  }

  #listed(record: SlotRecord, listing: Listing, knownForMs: number): SlotFacts['listing'] {
    if (listing === undefined) return 'unknown';
    const found = listing.find((one) =>
      record.instanceId === undefined
        ? one.slot === record.slot && one.generation === record.generation
        : one.id === record.instanceId,
    );
    return found ?? (knownForMs > this.#timings.listingLagMs ? 'absent' : 'unknown');
  }

  #mark(mark: Mark, { instanceId }: SlotRecord, at: number, holds: boolean): number {
    if (instanceId === undefined) return at;
    const key = `${mark} ${instanceId}`;
    if (!holds) {
      this.#marks.delete(key);
      return at;
    }
    const since = this.#marks.get(key) ?? at;
    this.#marks.set(key, since);
    return since;
  }
}

/** Living instances that the books say nothing of, in slots that are free: from before the books were lost. */
export function adoptable(state: FleetState, instances: readonly Instance[]): Instance[] {
  const newestFirst = instances.filter(isThere).sort((one, other) => other.generation - one.generation);
  const candidates = newestFirst.filter(({ id, slot, generation }) => {
    const record = slotOf(state, slot);
    const isKnownDead = record.lastEnd?.instanceId === id;
    return isPlace(slot) && record.phase === 'empty' && generation >= record.generation && !isKnownDead;
  });
  return candidates.filter(
    ({ slot }, index) => candidates.findIndex((other) => other.slot === slot) === index,
  );
}

/** Living instances that belong to no slot any more: another one has their place, or had it since. */
export function strays(state: FleetState, instances: readonly Instance[]): Instance[] {
  return instances.filter(isThere).filter(({ id, slot, generation }) => {
    if (!isPlace(slot)) return true;
    const record = slotOf(state, slot);
    if (record.phase === 'empty') return generation < record.generation || record.lastEnd?.instanceId === id;
    return record.instanceId === undefined ? generation !== record.generation : id !== record.instanceId;
  });
}

/** The slots in which the fleet still shows an instance that has not ended. */
export function occupiedSlots(instances: readonly Instance[]): ReadonlySet<number> {
  return new Set(instances.filter(({ state }) => state !== 'terminated').map(({ slot }) => slot));
}

/** A fleet may show instances whose tags somebody has spoilt. */
function isPlace(slot: number): boolean {
  return Number.isInteger(slot) && slot >= 1;
}

/** Or stopped, which is to be ended as well. */
function isThere({ state }: Instance): boolean {
  return state === 'pending' || state === 'running' || state === 'stopped';
}
