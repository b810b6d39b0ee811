import type { QueueDepth } from '../ports/queue.ts';
import { aimByCourse, aimByOriginal } from './policy/presets.ts';
import { aimBySlo, isPaid, isPaidOff } from './policy/slo.ts';

/** How an instance came up; each way has a boot time of its own. */
export type BootSource = 'launch' | 'start';

/** An instance that is or may become capacity. One that has begun to drain, or is being ended, is neither and not shown. */
export interface ObservedInstance {
  readonly slot: number;
  /** `booting`: has not said that it is ready. `draining`: is to be told so, and may still be told to run on. */
  readonly phase: 'booting' | 'ready' | 'draining';
  /** `unknown` when its last heartbeat is too old to tell. */
  readonly activity: 'idle' | 'busy' | 'unknown';
  /** Jobs in hand, as far as its last heartbeat tells. */
  readonly busyCount: number;
  /** Since it was launched or last started: for so long it has been paid for. */
  readonly ageSeconds: number;
  readonly source: BootSource;
}

/** So many jobs came within one look at the queue, which is so long ago. */
export interface ArrivalBin {
  readonly ageSeconds: number;
  readonly count: number;
}

export interface Observed {
  /** Milliseconds of a clock that only goes forward. */
  readonly nowMs: number;
  /** Undefined when the queue did not tell this time. */
  readonly queue: QueueDepth | undefined;
  /** Since the queue last told; 0 when it did this time. */
  readonly queueAgeSeconds: number;
  /** False when the fleet did not tell this time: `instances` are then those of the books. */
  readonly isFleetKnown: boolean;
  /** Since the fleet last told; 0 when it did this time. */
  readonly fleetAgeSeconds: number;
  readonly instances: readonly ObservedInstance[];
  /** Slots in which an instance may be launched now, in the order to take them. */
  readonly freeSlots: readonly number[];
  /** Slots with a stopped instance that may be started now, in the order to take them. */
  readonly stoppedSlots: readonly number[];
  /** Oldest first, as far back as the latency target. */
  readonly arrivals: readonly ArrivalBin[];
  /** Jobs that instances have finished since this leader began to look. */
  readonly completed: number;
  /** Seconds of work a job takes. */
  readonly serviceSeconds: number;
  /** Jobs an instance works on at once. */
  readonly concurrency: number;
  /** From the call to the first heartbeat that says ready, as long as it nearly always takes at most. */
  readonly bootSeconds: Readonly<Record<BootSource, number>>;
}

export interface ScalingLimits {
  /** `slo`: as few as keep the latency target. `course`, `original`: the rules of the systems that this one descends from. */
  readonly preset: 'slo' | 'course' | 'original';
  readonly minInstances: number;
  /** Of all that live, drain or are being ended. */
  readonly maxInstances: number;
  /** From the moment it is sent, a job should be done within this time. */
  readonly sloSeconds: number;
  /** After this time at most it is asked again. */
  readonly lookSeconds: number;
  /** For this long fewer instances must have been enough before any is let go. */
  readonly idleSeconds: number;
  /** An instance is paid for at least this long, whenever it ends: 60 s on EC2, 0 for a process. */
  readonly billingMinimumSeconds: number;
  /** Instances to keep stopped, so that they start faster than others launch. */
  readonly warmPool: number;
  readonly maxActionsPerRound: number;
}

/** What the policy remembers from one decision to the next. */
export interface PolicyState {
  readonly desired: number;
  /** Since when fewer than `desired` have been enough, and the most that were needed since. */
  readonly surplus: { readonly sinceMs: number; readonly peak: number } | null;
  /** Since when jobs have been late although all that was asked for is at work. */
  readonly lateSinceMs: number | null;
}

export interface ScalingAction {
  /** `launch` in a free slot, `start` a stopped one, `undrain` one that has not begun to drain, `drain`. */
  readonly kind: 'launch' | 'start' | 'undrain' | 'drain';
  readonly slot: number;
}

export interface Decision {
  readonly desired: number;
  readonly actions: readonly ScalingAction[];
  /** For people: why so many. */
  readonly reason: string;
  readonly state: PolicyState;
}

/** A decision without the steps towards it. */
export type Target = Omit<Decision, 'actions'>;

export const initialPolicyState = (desired: number): PolicyState => ({
  desired,
  surplus: null,
  lateSinceMs: null,
});

const AIMS = { slo: aimBySlo, course: aimByCourse, original: aimByOriginal };

/**
 * How many instances there should be, and the next steps towards it, by the rule that the preset names. Never lowers
 * anything on partial knowledge. No clock, no randomness: the same arguments give the same decision.
 */
export function decide(observed: Observed, limits: ScalingLimits, state: PolicyState): Decision {
  const target =
    observed.queue === undefined ? hold(limits, state) : AIMS[limits.preset](observed, limits, state);
  return { ...target, actions: stepsTowards(target.desired, observed, limits) };
}

function hold(limits: ScalingLimits, state: PolicyState): Target {
  const desired = Math.min(limits.maxInstances, Math.max(limits.minInstances, state.desired));
  return {
    desired,
    reason: `the queue could not be observed: holding ${desired}`,
    // Time that nobody watched proves neither idleness nor lateness.
    state: initialPolicyState(desired),
  };
}

/** Undrains before it starts, and starts before it launches; drains only on full knowledge, idle ones first. */
function stepsTowards(desired: number, observed: Observed, limits: ScalingLimits): ScalingAction[] {
  const active = observed.instances.filter(({ phase }) => phase !== 'draining');
  const missing = desired - active.length;
  if (missing >= 0) {
    const draining = observed.instances.filter(({ phase }) => phase === 'draining');
    const undrain = draining.map(({ slot }) => ({ kind: 'undrain' as const, slot })).sort(bySlot);
    const start = observed.stoppedSlots.map((slot) => ({ kind: 'start' as const, slot }));
    const launch = observed.freeSlots.map((slot) => ({ kind: 'launch' as const, slot }));
    return [...undrain, ...start, ...launch].slice(0, Math.min(missing, limits.maxActionsPerRound));
  }
  if (observed.queue === undefined || !observed.isFleetKnown) return [];
  // Where an end takes long, the last one stays until another could come up, so that a job that comes meanwhile need not
  // wait for it. A process is gone in no time, and the course wants them all gone at once.
  const isLastKept = isPaid(limits) && limits.preset !== 'course';
  const isLast =
    active.length === 1 &&
    limits.maxInstances > 1 &&
    observed.freeSlots.length + observed.stoppedSlots.length === 0;
  if (isLastKept && isLast) return [];
  const surplus = isLastKept && desired === 0 && active.length > 1 ? -missing - 1 : -missing;
  const leaving = active
    .filter((one) => mayGo(one, limits))
    .sort((one, other) => idleFirst(one, other) || other.slot - one.slot)
    .slice(0, Math.min(surplus, limits.maxActionsPerRound));
  return leaving.map(({ slot }) => ({ kind: 'drain', slot }));
}

function mayGo(instance: ObservedInstance, limits: ScalingLimits): boolean {
  return limits.preset === 'slo' ? isPaidOff(instance, limits) : instance.activity === 'idle';
}

function idleFirst(one: ObservedInstance, other: ObservedInstance): number {
  return Number(one.activity !== 'idle') - Number(other.activity !== 'idle');
}

function bySlot(one: ScalingAction, other: ScalingAction): number {
  return one.slot - other.slot;
}
