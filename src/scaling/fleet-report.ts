import { leaderKey } from '../jobs/keys.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { type DecisionRecord, FleetStateStore, type SlotRecord } from './fleet-state.ts';
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
  const { desired, serviceSeconds, crashStreak, decisions } = books;
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
    slots: books.slots.map(({ request: _, ...slot }) => slot),
    decisions,
  };
}
