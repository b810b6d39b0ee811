import type { Clock } from '../ports/clock.ts';
import type { Instance } from '../ports/fleet.ts';
import { emptySlot, type SlotRecord } from './fleet-state.ts';
import { advance } from './lifecycle.ts';
import type { SlotWatch } from './slot-watch.ts';
import type { ScalingTimings } from './timings.ts';

/**
 * Collects instances of ours that belong to no slot. The reply to their heartbeats tells them to drain; this says which
 * of them may be ended: those older than a minute and listed twice (a list may be older than the books), under the
 * rules that hold for all, so never one at work.
 */
export class OrphanWatch {
  readonly #clock: Clock;
  readonly #timings: ScalingTimings;
  readonly #slots: SlotWatch;
  /** Those of the last list, as slots that drain. */
  #seenBefore = new Map<string, SlotRecord>();

  constructor(clock: Clock, timings: ScalingTimings, slots: SlotWatch) {
    this.#clock = clock;
    this.#timings = timings;
    this.#slots = slots;
  }

  /** To be called with every list that came, and those of it that have no slot. */
  mayEnd(orphans: readonly Instance[], listing: readonly Instance[], listedAt: number): Instance[] {
    const seenBefore = this.#seenBefore;
    this.#seenBefore = new Map();
    return orphans.filter((orphan) => {
      const record = seenBefore.get(orphan.id) ?? drainingOf(orphan);
      const next = advance(record, this.#slots.facts(record, listing, { listedAt }), this.#timings).record;
      const isOver = next.phase === 'ending' || orphan.state === 'stopped';
      this.#seenBefore.set(orphan.id, isOver ? record : next);
      const ageMs = this.#clock.now() - orphan.launchedAt.getTime();
      return isOver && seenBefore.has(orphan.id) && ageMs >= this.#timings.orphanMs;
    });
  }

  /** Whether the last list showed it, without a slot. */
  has(instanceId: string): boolean {
    return this.#seenBefore.has(instanceId);
  }

  /** Whether it drains for so long that it is to give its messages back. */
  isOverdue(instanceId: string): boolean {
    return this.#seenBefore.get(instanceId)?.isOverdue === true;
  }
}

function drainingOf({ id, slot, generation }: Instance): SlotRecord {
  return { ...emptySlot(slot), generation, phase: 'draining', instanceId: id, wasReady: true };
}
