import type { QueueDepth } from '../ports/queue.ts';

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
  /** In this time a backlog should be worked off. */
  readonly targetSeconds: number;
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
  /** Since when there have been too few, whatever the estimate says (see `areTooFew`). */
  readonly tooFewSinceMs: number | null;
}

export interface ScalingAction {
  /** `launch` in a free slot, `start` a stopped one, `undrain` one that has not begun to drain, `drain`. */
  readonly kind: 'launch' | 'start' | 'undrain' | 'drain';
  readonly slot: number;
  /** What becomes of one that has drained; absent: it is terminated. */
  readonly then?: 'stop';
}

export interface Decision {
  readonly desired: number;
  readonly actions: readonly ScalingAction[];
  /** For people: why so many. */
  readonly reason: string;
  readonly state: PolicyState;
}

type Target = Omit<Decision, 'actions'>;

export const initialPolicyState = (desired: number): PolicyState => ({
  desired,
  surplus: null,
  tooFewSinceMs: null,
});

/**
 * How many instances there should be, and the next steps towards it.
 *
 * Up: as many as work the backlog off within the target; twice as many when they have not kept up for as long as the
 * target, whatever the estimate says. Down: to the most that were needed during the idle time, never on
 * partial knowledge, and only idle instances are drained. No clock, no randomness: the same arguments give the same decision.
 */
export function decide(observed: Observed, limits: ScalingLimits, state: PolicyState): Decision {
  const target =
    observed.queue === undefined ? hold(limits, state) : aim(observed, observed.queue, limits, state);
  return { ...target, actions: stepsTowards(target.desired, observed, limits) };
}

function hold(limits: ScalingLimits, state: PolicyState): Target {
  const desired = within(limits, state.desired);
  return {
    desired,
    reason: `the queue could not be observed: holding ${desired}`,
    // Time that nobody watched proves neither idleness nor saturation.
    state: { desired, surplus: null, tooFewSinceMs: null },
  };
}

function aim(observed: Observed, queue: QueueDepth, limits: ScalingLimits, state: PolicyState): Target {
  const previous = within(limits, state.desired);
  const isTooFew = areTooFew(observed, queue, limits, previous);
  const tooFewSinceMs = isTooFew ? (state.tooFewSinceMs ?? observed.nowMs) : null;
  const needed = neededFor(observed, queue, limits);

  if (tooFewSinceMs !== null && previous < limits.maxInstances) {
    const forSeconds = (observed.nowMs - tooFewSinceMs) / 1000;
    if (forSeconds >= limits.targetSeconds) {
      const desired = within(limits, Math.max(previous * 2, needed));
      return {
        desired,
        reason: `too few to keep up for ${round(forSeconds)} s: ${previous} become ${desired}`,
        state: { desired, surplus: null, tooFewSinceMs: null },
      };
    }
  }
  const enough = isTooFew ? Math.max(previous, needed) : needed;
  if (enough < previous) return shrink(observed, enough, limits, { ...state, desired: previous });
  return {
    desired: enough,
    reason: reasonFor(observed, queue, limits, enough),
    state: { desired: enough, surplus: null, tooFewSinceMs },
  };
}

/** Lowers only when fewer have been enough for the whole idle time. */
function shrink(observed: Observed, enough: number, limits: ScalingLimits, state: PolicyState): Target {
  if (!observed.isFleetKnown) {
    const { desired } = state;
    const reason = `the fleet could not be observed: holding ${desired}`;
    return { desired, reason, state: { desired, surplus: null, tooFewSinceMs: null } };
  }
  const sinceMs = state.surplus?.sinceMs ?? observed.nowMs;
  const peak = within(limits, Math.max(state.surplus?.peak ?? 0, enough));
  const forSeconds = (observed.nowMs - sinceMs) / 1000;
  if (forSeconds < limits.idleSeconds) {
    const { desired } = state;
    const reason = `${peak} would be enough since ${round(forSeconds)} s: keeping ${desired} until ${limits.idleSeconds} s`;
    return { desired, reason, state: { desired, surplus: { sinceMs, peak }, tooFewSinceMs: null } };
  }
  const reason =
    peak <= limits.minInstances
      ? `idle for ${round(forSeconds)} s: back to ${peak}`
      : `for ${round(forSeconds)} s ${peak} of ${state.desired} have been enough`;
  return { desired: peak, reason, state: initialPolicyState(peak) };
}

function neededFor(observed: Observed, queue: QueueDepth, limits: ScalingLimits): number {
  const backlog = backlogOf(queue);
  const perInstance = Math.max(
    observed.concurrency,
    (observed.concurrency * limits.targetSeconds) / observed.serviceSeconds,
  );
  const isAnyBusy = observed.instances.some(({ activity }) => activity === 'busy');
  return within(limits, Math.max(Math.ceil(backlog / perInstance), isAnyBusy ? 1 : 0));
}

/**
 * All that are wanted are there, and for each of their places another job waits; or a job has waited for twice as long
 * as all of them should have taken.
 */
function areTooFew(observed: Observed, queue: QueueDepth, limits: ScalingLimits, desired: number): boolean {
  if (desired === 0) return false;
  const ready = observed.instances.filter(({ phase }) => phase === 'ready').length;
  const isEveryOneTaken = ready >= desired && queue.visible >= desired * observed.concurrency;
  return isEveryOneTaken || (queue.oldestAgeSeconds ?? 0) > 2 * limits.targetSeconds;
}

/** Undrains before it launches; drains only on full knowledge, only what is idle, the highest slots first. */
function stepsTowards(desired: number, observed: Observed, limits: ScalingLimits): ScalingAction[] {
  const active = observed.instances.filter(({ phase }) => phase !== 'draining');
  const missing = desired - active.length;
  if (missing >= 0) {
    const draining = observed.instances.filter(({ phase }) => phase === 'draining');
    const undrain = draining.map(({ slot }) => ({ kind: 'undrain' as const, slot })).sort(bySlot);
    const launch = observed.freeSlots.map((slot) => ({ kind: 'launch' as const, slot }));
    return [...undrain, ...launch].slice(0, Math.min(missing, limits.maxActionsPerRound));
  }
  if (observed.queue === undefined || !observed.isFleetKnown) return [];
  // The last one stays until another could be launched, so that a job that comes meanwhile need not wait for it.
  const isLast = active.length === 1 && limits.maxInstances > 1 && observed.freeSlots.length === 0;
  if (isLast) return [];
  const surplus = desired === 0 && active.length > 1 ? -missing - 1 : -missing;
  const idle = active.filter(({ activity }) => activity === 'idle');
  return idle
    .map(({ slot }) => ({ kind: 'drain' as const, slot }))
    .sort((one, other) => bySlot(other, one))
    .slice(0, Math.min(surplus, limits.maxActionsPerRound));
}

function reasonFor(observed: Observed, queue: QueueDepth, limits: ScalingLimits, desired: number): string {
  const backlog = backlogOf(queue);
  if (backlog === 0) return desired === 0 ? 'nothing to do' : `nothing waits: ${desired} at least`;
  const parts = `${queue.visible} waiting, ${queue.inFlight} in flight, ${queue.delayed} delayed`;
  const pace = `at ${round(observed.serviceSeconds)} s a job within ${limits.targetSeconds} s`;
  const cap = desired === limits.maxInstances ? ', the most allowed' : '';
  return `a backlog of ${backlog} (${parts}) ${pace}: ${desired}${cap}`;
}

function backlogOf(queue: QueueDepth): number {
  return queue.visible + queue.inFlight + queue.delayed;
}

function within({ minInstances, maxInstances }: ScalingLimits, count: number): number {
  return Math.min(maxInstances, Math.max(minInstances, count));
}

function bySlot(one: ScalingAction, other: ScalingAction): number {
  return one.slot - other.slot;
}

function round(value: number): number {
  return Number(value.toPrecision(3));
}
