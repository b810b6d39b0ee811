import { errorCode, FacefleetError } from '../errors.ts';
import { type FleetState, type FleetStateStore, type SlotRecord, slotOf, withSlot } from './fleet-state.ts';

/** The books as they shall be, and what that comes to. */
export interface Change<T> {
  readonly state: FleetState;
  readonly outcome: T;
}

/** Others write the books too, several times a second at worst. */
const TRIES = 20;

/**
 * Changes the books as an operator wants it, whether or not a controller lives: reads them, and replaces them only if
 * nobody else has meanwhile, else again. A controller sees it within a second.
 *
 * @throws FacefleetError `conflict` when others keep changing them.
 */
export async function changeFleetState<T>(
  store: FleetStateStore,
  change: (state: FleetState) => Change<T>,
): Promise<T> {
  for (let tries = 0; tries < TRIES; tries++) {
    const { state: before, etag } = await store.load();
    const { state, outcome } = change(before);
    if (state === before) return outcome;
    try {
      await store.save(state, etag);
      return outcome;
    } catch (error) {
      if (errorCode(error) !== 'precondition-failed') throw error;
    }
  }
  throw new FacefleetError('conflict', `the fleet state was changed by others ${TRIES} times in a row`);
}

/** Nothing is launched, started or drained any more, until `resume`. Those that run go on, and those that drain end. */
export function pause(state: FleetState, now: number): Change<'paused' | 'already'> {
  if (state.pausedAt !== null) return { state, outcome: 'already' };
  return { state: { ...state, pausedAt: now }, outcome: 'paused' };
}

export function resume(state: FleetState): Change<'resumed' | 'already'> {
  if (state.pausedAt === null) return { state, outcome: 'already' };
  return { state: { ...state, pausedAt: null }, outcome: 'resumed' };
}

/**
 * The instance in this slot finishes what it has in hand and ends, paused or not; another one comes if one is needed.
 *
 * @throws FacefleetError `not-found` when there is none.
 */
export function drainSlot(state: FleetState, slot: number): Change<SlotRecord> {
  const record = slotOf(state, slot);
  if (record.phase === 'empty') {
    throw new FacefleetError('not-found', `slot ${slot} is empty`, { context: { slot } });
  }
  const isLeaving = record.mustDrain === true || record.phase === 'ending';
  if (isLeaving) return { state, outcome: record };
  const drained = { ...record, mustDrain: true };
  return { state: withSlot(state, drained), outcome: drained };
}
