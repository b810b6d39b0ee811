import { leaderKey } from '../jobs/keys.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { accrue } from './budget.ts';
import {
  type Brake,
  type DecisionRecord,
  FleetStateStore,
  isLiving,
  type SlotRecord,
} from './fleet-state.ts';
import { parseLeaderRecord } from './leader.ts';

/** What the books say of the fleet, for people. */
export interface FleetReport {
  /** Absent when no controller has ever led here. */
  readonly leader?: {
    readonly controllerId: string;
    readonly address: string;
    readonly epoch: number;
    /** False when its lease has run out or was given back. */
    readonly isAlive: boolean;
  };
  readonly desired: number;
  readonly serviceSeconds: number;
  /** Instances in a row that ended before they were ready; from three on, one at a time is tried. */
  readonly crashStreak: number;
  /** Since when an operator has had scaling paused, milliseconds since the epoch. */
  readonly pausedAt: number | null;
  /** What holds launches back now. */
  readonly brakes: readonly Brake[];
  /** Instance-seconds of this hour and this day, and what they are capped at; null: not. */
  readonly spending: {
    readonly hour: { readonly instanceSeconds: number; readonly cap: number | null };
    readonly day: { readonly instanceSeconds: number; readonly cap: number | null };
  };
  readonly slots: readonly Omit<SlotRecord, 'request'>[];
  /** Newest first. */
  readonly decisions: readonly DecisionRecord[];
}

/** Reads it from the state bucket: `now` in milliseconds since the epoch tells whether the leader's lease holds. */
export async function readFleetReport(state: ObjectStore, now: number): Promise<FleetReport> {
  const [{ state: books }, stored] = await Promise.all([
    new FleetStateStore(state).load(),
    state.get(leaderKey),
  ]);
  const record = stored && parseLeaderRecord((await stored.bytes()).toString('utf8'));
  const { desired, serviceSeconds, crashStreak, pausedAt, brakes, decisions, caps } = books;
  const { hour, day } = accrue(books.spending, books.slots.filter(isLiving).length, now);
  return {
    ...(record && {
      leader: {
        controllerId: record.controllerId,
        address: record.address,
        epoch: record.epoch,
        isAlive: record.leaseUntil > now,
      },
    }),
    desired,
    serviceSeconds,
    crashStreak,
    pausedAt,
    brakes,
    spending: {
      hour: { instanceSeconds: hour.instanceSeconds, cap: caps.perHour },
      day: { instanceSeconds: day.instanceSeconds, cap: caps.perDay },
    },
    slots: books.slots.map(({ request: _, ...slot }) => slot),
    decisions,
  };
}
