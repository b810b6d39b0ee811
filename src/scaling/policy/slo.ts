import type { Observed, ObservedInstance, PolicyState, ScalingLimits, Target } from '../policy.ts';
import { erlangServers } from './erlang.ts';
import { backlogOf, capacity, dues, etas, paceOf, ratesOf } from './work.ts';

/** A launch that would have less than this part of the target to work in came too late, and is judged as if it had so much. */
const LEAST_WINDOW = 0.05;
/** Of the time that is left for what is known, the part in which it should be done before an instance is let go. */
const STRETCH = 0.7;
/** Heartbeats and counts tell of what has happened with so much delay: nobody is let go on the strength of less. */
const TOLD_LATE_SECONDS = 4;
/** Of what the largest fleet can do, the part from which on what comes leaves no time to wait. */
const SURGE = 0.9;
/** Of a job in hand so much is done already, on average. */
const BEGUN = 0.5;
/** So long before an instance has been paid for anyway it is told to drain: it hears of it late, and its last poll has to return. */
const DRAIN_LEAD_SECONDS = 5;

/**
 * The fewest instances that keep the latency target.
 *
 * Up: each job is due at its arrival plus the target, and the instances that are there, each from the moment on at
 * which it will have booted, work the jobs off in that order. Where they would be late, the fewest launches that help
 * are ordered; and the last of them only when it cannot wait for another look, since until then more work may come for
 * it, or the others may do without it. Waiting costs nobody more than the target allows. From none the first one is ordered
 * at once.
 *
 * Down: an instance that has been paid for anyway stays until then. After that it goes when the others do what is known
 * well within its time and jobs come no faster than they can be done. So the fleet shrinks while work is left, and what
 * remains of it is there for what comes next.
 */
export function aimBySlo(observed: Observed, limits: ScalingLimits, state: PolicyState): Target {
  const target = aim(observed, limits, state);
  const before = Math.min(limits.maxInstances, Math.max(limits.minInstances, state.desired));
  if (observed.isFleetKnown || target.desired >= before) return target;
  return {
    desired: before,
    reason: `the fleet could not be observed: holding ${before}`,
    // Time that nobody watched proves no surplus.
    state: { ...target.state, desired: before, surplus: null },
  };
}

function aim(observed: Observed, limits: ScalingLimits, state: PolicyState): Target {
  const active = observed.instances.filter(({ phase }) => phase !== 'draining');
  const missing = Math.max(shortage(observed, limits, active), limits.minInstances - active.length);
  // What is in hand is helped by nobody.
  const isLate = (observed.queue?.visible ?? 0) > 0 && (dues(observed, limits)[0]?.inSeconds ?? 0) < 0;
  const isBooting = active.some(({ phase }) => phase === 'booting');
  // An estimate may err, a queue does not: late with all that was asked for at work.
  const lateSinceMs = isLate && !isBooting ? (state.lateSinceMs ?? observed.nowMs) : null;
  if (lateSinceMs !== null && observed.nowMs - lateSinceMs > 1000 * observed.bootSeconds.launch) {
    return grow(observed, limits, Math.max(missing, active.length), active.length);
  }
  if (missing > 0) return grow(observed, limits, missing, active.length);
  return shrink(observed, limits, { ...state, lateSinceMs }, active);
}

function grow(observed: Observed, limits: ScalingLimits, missing: number, active: number): Target {
  const desired = Math.min(limits.maxInstances, active + missing);
  const cap = active + missing > desired ? ', the most allowed' : '';
  return {
    desired,
    reason: `${describe(observed)}: ${missing} more would keep ${limits.sloSeconds} s${cap}`,
    state: { desired, surplus: null, lateSinceMs: null },
  };
}

/** How many more instances are needed and cannot wait. */
function shortage(observed: Observed, limits: ScalingLimits, active: readonly ObservedInstance[]): number {
  const pace = paceOf(observed);
  const boot = observed.stoppedSlots.length > 0 ? observed.bootSeconds.start : observed.bootSeconds.launch;
  const window = leastWindow(observed, limits);
  const readyIn = etas(active, observed);
  if (surges(observed, limits)) return limits.maxInstances - active.length;
  // Work never waits for nobody: where there is no instance one is ordered at once, however much time is left.
  let most = active.length === 0 && backlogOf(observed) > 0 ? 1 : 0;
  const begun = BEGUN * inHandOf(observed, active);
  for (const { inSeconds, jobs } of dues(observed, limits)) {
    const until = Math.max(inSeconds, boot + window);
    const postponed = isPaid(limits) ? pace * Math.max(0, until - boot - window - limits.lookSeconds) : 0;
    const undone = jobs - begun - capacity(readyIn, until, pace) - postponed;
    if (undone > 0) most = Math.max(most, Math.ceil(undone / (pace * (until - boot)) - 1e-9));
  }
  return most;
}

/**
 * Jobs come nearly as fast as the largest fleet can do them, and have for some seconds. It will be needed, and had it
 * grown with the backlog, it would never catch up with what it has let pass.
 */
function surges(observed: Observed, limits: ScalingLimits): boolean {
  const rates = ratesOf(observed, 5, Math.max(2, 2 * limits.lookSeconds));
  return Math.min(...rates) > SURGE * limits.maxInstances * paceOf(observed);
}

function shrink(
  observed: Observed,
  limits: ScalingLimits,
  state: PolicyState,
  active: readonly ObservedInstance[],
): Target {
  const desired = active.length;
  const enough = enoughOf(observed, limits, active);
  if (enough >= desired || !observed.isFleetKnown) {
    return {
      desired,
      reason: `${describe(observed)}: ${desired} ${desired === 1 ? 'is' : 'are'} enough`,
      state: { desired, surplus: null, lateSinceMs: state.lateSinceMs },
    };
  }
  const sinceMs = state.surplus?.sinceMs ?? observed.nowMs;
  const peak = Math.max(state.surplus?.peak ?? 0, enough);
  const forSeconds = (observed.nowMs - sinceMs) / 1000;
  const isProved = forSeconds >= limits.idleSeconds;
  const released = isProved ? active.filter((one) => isPaidOff(one, limits)).length : 0;
  const next = Math.min(desired, Math.max(peak, desired - released));
  return {
    desired: next,
    reason: `${describe(observed)}: ${peak} would be enough since ${Math.round(forSeconds)} s`,
    state: {
      desired: next,
      // What was needed before it was proved that fewer are enough is no reason to keep more afterwards.
      surplus: isProved ? { sinceMs, peak: enough } : { sinceMs, peak },
      lateSinceMs: state.lateSinceMs,
    },
  };
}

/** So many do what is known in good time, and keep up with what comes. */
function enoughOf(observed: Observed, limits: ScalingLimits, active: readonly ObservedInstance[]): number {
  const pace = paceOf(observed);
  const [latest = 0] = ratesOf(observed, 1, 10);
  const lowest = ratesOf(observed, 6, 10).sort((one, other) => one - other)[2] ?? 0;
  const inflow = Math.ceil(latest / pace);
  // When nothing waits, the queue itself is room for what comes faster than that for a while.
  const isWaiting = (observed.queue?.visible ?? 0) > 0;
  const kept = isWaiting ? inflow : Math.min(inflow, Math.floor(lowest / pace));
  const working = isPaid(limits)
    ? active.length - dispensable(observed, limits, active)
    : busyOf(active, observed);
  return Math.max(limits.minInstances, kept, working, reserve(observed, limits));
}

/**
 * How many could go and the others would still do what is known within a part of the time that is left for it. What is
 * in hand is done by who has it, whether that one is to stay or to go.
 */
function dispensable(observed: Observed, limits: ScalingLimits, active: readonly ObservedInstance[]): number {
  const pace = paceOf(observed);
  const readyIn = etas(active, observed);
  const inHand = inHandOf(observed, active);
  let least = active.length;
  for (const { inSeconds, jobs } of dues(observed, limits)) {
    const waiting = jobs - inHand;
    if (waiting <= 0) continue;
    const seconds = Math.min(STRETCH * inSeconds, inSeconds - TOLD_LATE_SECONDS);
    if (seconds <= 0) return 0;
    const spare = capacity(readyIn, seconds, pace) - jobs;
    least = Math.min(least, Math.max(0, Math.floor(spare / (pace * seconds))));
  }
  return least;
}

/** The oldest jobs, which these have taken. Heartbeats tell late, so the queue has to say so too. */
function inHandOf({ queue }: Observed, active: readonly ObservedInstance[]): number {
  const busy = active.reduce((sum, { phase, busyCount }) => sum + (phase === 'ready' ? busyCount : 0), 0);
  return Math.min(queue?.inFlight ?? 0, busy);
}

/**
 * Where it costs nothing to stop and start, everybody stays while anything waits. The queue knows sooner than the
 * heartbeats that a job is done. What nobody has who is known comes back from one that died: somebody stays for it.
 */
function busyOf(active: readonly ObservedInstance[], { queue }: Observed): number {
  if (queue === undefined || queue.visible > 0) return active.length;
  const busy = active.filter(({ activity }) => activity !== 'idle').length;
  return Math.min(queue.inFlight, Math.max(1, busy));
}

/** When the target leaves no time for a boot, what will be needed has to be there already. */
function reserve(observed: Observed, limits: ScalingLimits): number {
  const slack = limits.sloSeconds - limits.lookSeconds - observed.serviceSeconds;
  if (!isPaid(limits) || slack >= observed.bootSeconds.launch + leastWindow(observed, limits)) return 0;
  const rates = ratesOf(observed, 6, 10);
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  return Math.min(
    limits.maxInstances,
    erlangServers({ load: mean / paceOf(observed), slack: Math.max(0, slack) / observed.serviceSeconds }),
  );
}

function leastWindow(observed: Observed, limits: ScalingLimits): number {
  return Math.max(observed.serviceSeconds, LEAST_WINDOW * limits.sloSeconds);
}

/** Whether an instance costs more than its time: else there is nothing to gain by waiting or by doing with fewer. */
export function isPaid({ billingMinimumSeconds }: ScalingLimits): boolean {
  return billingMinimumSeconds > 0;
}

/** Ready, and paid for until now at least: to keep it costs from now on. */
export function isPaidOff({ phase, activity, ageSeconds }: ObservedInstance, limits: ScalingLimits): boolean {
  const mayDrain = phase === 'ready' && (activity === 'idle' || (activity === 'busy' && isPaid(limits)));
  return mayDrain && ageSeconds >= limits.billingMinimumSeconds - DRAIN_LEAD_SECONDS;
}

function describe(observed: Observed): string {
  const { queue, arrivals } = observed;
  const waiting = (queue?.visible ?? 0) + (queue?.delayed ?? 0);
  if (backlogOf(observed) === 0) return 'nothing waits';
  const age = Math.max(queue?.oldestAgeSeconds ?? 0, arrivals[0]?.ageSeconds ?? 0);
  const oldest = waiting > 0 && age >= 1 ? `, for up to ${Math.round(age)} s` : '';
  return `${waiting} waiting${oldest}, ${queue?.inFlight ?? 0} in hand, ${Number(observed.serviceSeconds.toPrecision(2))} s each`;
}
