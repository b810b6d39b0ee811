import { createHash } from 'node:crypto';
import { FacefleetError } from '../errors.ts';
import { fleetStateKey } from '../jobs/keys.ts';
import type { Fleet, LaunchRequest } from '../ports/fleet.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { noSpending, type Spending, type SpendingCaps } from './budget.ts';
import { type Boots, DEFAULT_SERVICE_SECONDS, NO_BOOTS } from './estimators.ts';
import type { BootSource } from './policy.ts';

/**
 * `empty`: no instance. `launching`: the launch is on record, its outcome not yet. `running`: launched, and told to
 * run. `draining`: told to drain. `ending`: to be terminated, until it is gone. Of the warm pool: `stopping`, until it
 * stands still; `stopped`, costs no instance-seconds; `starting`, the start is on record, its outcome not yet.
 */
export type SlotPhase =
  | 'empty'
  | 'launching'
  | 'running'
  | 'draining'
  | 'ending'
  | 'stopping'
  | 'stopped'
  | 'starting';

/** A numbered place in the fleet: at most one living instance, a new generation with every launch. */
export interface SlotRecord {
  readonly slot: number;
  /** Of the present instance or the last one; 0 before the first. */
  readonly generation: number;
  readonly phase: SlotPhase;
  /** When the phase began, milliseconds since the epoch. */
  readonly since: number;
  /** The exact launch, so that it can be repeated to the letter. */
  readonly request?: LaunchRequest;
  readonly instanceId?: string;
  /** The present instance has said that it is ready. */
  readonly wasReady: boolean;
  /** When the present instance was to be launched, or started again: milliseconds since the epoch, and which of the two. */
  readonly up?: { readonly at: number; readonly source: BootSource };
  /** Instances in a row that ended before they were ready. */
  readonly failures: number;
  /** Epoch of the leader that wrote down the launch or start: for a while it may still have that call under way, though it leads no more. */
  readonly orderedIn?: number;
  /** Instance-seconds are reserved until then, milliseconds since the epoch. */
  readonly reservedUntil?: number;
  /** It is to drain, whatever the policy says: an operator wants it, or it never became ready. */
  readonly mustDrain?: boolean;
  /** Its drain has passed the deadline: it is to give its messages back, and will be ended. */
  readonly isOverdue?: boolean;
  /** It is to be ended because it was silent for too long: whoever does it must have waited for that long. */
  readonly isLost?: boolean;
  /** Why the last instance ended, or the present one is being ended. */
  readonly lastEnd?: { readonly at: number; readonly reason: string; readonly instanceId?: string };
}

export interface DecisionRecord {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly desired: number;
  readonly reason: string;
  /** `launch 1`, `drain 3` … */
  readonly actions: readonly string[];
}

/**
 * Something that holds launches back, whatever the policy wants. `boot`: instances end before they are ready.
 * `progress`: more instances did not get more done. `cost`: the cap on instance-seconds is reached.
 */
export interface Brake {
  readonly kind: 'boot' | 'progress' | 'cost';
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** For people. */
  readonly reason: string;
}

/** `controller/fleet.json` of the state bucket: what the controller intends, written before it acts. */
export interface FleetState {
  readonly version: number;
  /** Of the leader that wrote it. */
  readonly epoch: number;
  readonly desired: number;
  /** As last learnt, so that the next burst from zero is judged by it. */
  readonly serviceSeconds: number;
  /** The last boots in seconds, oldest first. */
  readonly boots: Boots;
  /** Instances in a row, across all slots, that ended before they were ready. */
  readonly crashStreak: number;
  /** Since when an operator has had scaling paused, milliseconds since the epoch. */
  readonly pausedAt: number | null;
  readonly brakes: readonly Brake[];
  readonly spending: Spending;
  /** Of the leader that wrote this. */
  readonly caps: SpendingCaps;
  /** By slot number. */
  readonly slots: readonly SlotRecord[];
  /** The last ones, newest first. */
  readonly decisions: readonly DecisionRecord[];
}

/** 2 added the warm pool, brakes, spending and what operators ask for; 1 is read as having none of them. */
const FLEET_STATE_VERSION = 2;
const DECISIONS_KEPT = 20;

export const emptyFleetState = (): FleetState => ({
  version: FLEET_STATE_VERSION,
  epoch: 0,
  desired: 0,
  serviceSeconds: DEFAULT_SERVICE_SECONDS,
  boots: NO_BOOTS,
  crashStreak: 0,
  pausedAt: null,
  brakes: [],
  spending: noSpending,
  caps: { perHour: null, perDay: null },
  slots: [],
  decisions: [],
});

export const emptySlot = (slot: number): SlotRecord => ({
  slot,
  generation: 0,
  phase: 'empty',
  since: 0,
  wasReady: false,
  failures: 0,
});

export function slotOf(state: FleetState, slot: number): SlotRecord {
  return state.slots.find((record) => record.slot === slot) ?? emptySlot(slot);
}

/** There may be a machine behind it that runs, and costs. */
export function isLiving({ phase }: SlotRecord): boolean {
  return phase !== 'empty' && phase !== 'stopped';
}

/** The state with this record in place of the slot's former one. */
export function withSlot(state: FleetState, record: SlotRecord): FleetState {
  const others = state.slots.filter(({ slot }) => slot !== record.slot);
  return { ...state, slots: [...others, record].sort((one, other) => one.slot - other.slot) };
}

export function withDecision(state: FleetState, decision: DecisionRecord): FleetState {
  return {
    ...state,
    desired: decision.desired,
    decisions: [decision, ...state.decisions].slice(0, DECISIONS_KEPT),
  };
}

/** The launch of the slot's next generation; its token is the hash of all that it asks for. */
export function nextLaunch(fleet: Pick<Fleet, 'name' | 'terms'>, last: SlotRecord): LaunchRequest {
  const { slot } = last;
  const generation = last.generation + 1;
  const terms = fleet.terms?.();
  const asked = { fleet: fleet.name, slot, generation, ...(terms !== undefined && { terms }) };
  const token = createHash('sha256').update(JSON.stringify(asked)).digest('hex');
  return { slot, generation, token, ...(terms !== undefined && { terms }) };
}

/** Reads the state and replaces it only if nobody else has since. */
export class FleetStateStore {
  readonly #store: Pick<ObjectStore, 'get' | 'head' | 'put'>;

  constructor(store: Pick<ObjectStore, 'get' | 'head' | 'put'>) {
    this.#store = store;
  }

  /** The empty state without an etag when there is none. */
  async load(): Promise<{ state: FleetState; etag: string | undefined }> {
    const stored = await this.#store.get(fleetStateKey);
    if (stored === undefined) return { state: emptyFleetState(), etag: undefined };
    return { state: parseFleetState((await stored.bytes()).toString('utf8')), etag: stored.info.etag };
  }

  /** Whether the stored state is the one with this etag. */
  async isCurrent(etag: string | undefined): Promise<boolean> {
    return (await this.#store.head(fleetStateKey))?.etag === etag;
  }

  /**
   * @returns the new etag.
   * @throws PreconditionFailedError when the stored state is not the one with this etag.
   */
  async save(state: FleetState, etag: string | undefined): Promise<string> {
    const saved = await this.#store.put(fleetStateKey, Buffer.from(JSON.stringify(state)), {
      contentType: 'application/json',
      ...(etag === undefined ? { ifNoneMatch: '*' as const } : { ifMatch: etag }),
    });
    return saved.etag;
  }
}

function parseFleetState(text: string): FleetState {
  const context = { key: fleetStateKey };
  let value: Partial<FleetState>;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new FacefleetError('data-corrupt', 'the fleet state is not JSON', { context, cause });
  }
  const isKnown = value.version === FLEET_STATE_VERSION || value.version === 1;
  if (!isKnown || !Array.isArray(value.slots)) {
    throw new FacefleetError(
      'data-corrupt',
      `the fleet state has version ${JSON.stringify(value.version)}, expected 1 or ${FLEET_STATE_VERSION}`,
      { context },
    );
  }
  return { ...emptyFleetState(), ...value, version: FLEET_STATE_VERSION };
}
