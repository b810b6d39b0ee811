import type { Observed, PolicyState, ScalingLimits, Target } from '../policy.ts';
import { backlogOf } from './work.ts';

/** The course wants all stopped within 5 s of idleness: a worker hears of its drain up to 2 s late, and has to end. */
export const COURSE_IDLE_SECONDS = 2;

/** The course's rule: an instance for every job that waits or is in hand. */
export function courseCount(jobs: number): number {
  return jobs;
}

/** The rule of the system that this one descends from, by the jobs that wait. */
export function originalCount(visible: number): number {
  if (visible === 0) return 0;
  if (visible <= 5) return 1;
  return visible <= 50 ? 10 : 20;
}

export function aimByCourse(observed: Observed, limits: ScalingLimits, state: PolicyState): Target {
  const idleSeconds = Math.min(limits.idleSeconds, COURSE_IDLE_SECONDS);
  return follow(courseCount(backlogOf(observed)), observed, { ...limits, idleSeconds }, state);
}

export function aimByOriginal(observed: Observed, limits: ScalingLimits, state: PolicyState): Target {
  const { visible = 0, delayed = 0 } = observed.queue ?? {};
  return follow(originalCount(visible + delayed), observed, limits, state);
}

/** Up at once; down to the most that was asked for during the idle time. */
function follow(count: number, observed: Observed, limits: ScalingLimits, state: PolicyState): Target {
  const wanted = Math.min(limits.maxInstances, Math.max(limits.minInstances, count));
  const reason = `${backlogOf(observed)} jobs: ${wanted} by the rule "${limits.preset}"`;
  const previous = Math.min(limits.maxInstances, Math.max(limits.minInstances, state.desired));
  if (wanted >= previous) return { desired: wanted, reason, state: stateOf(wanted) };
  if (!observed.isFleetKnown) {
    return {
      desired: previous,
      reason: `the fleet could not be observed: holding ${previous}`,
      state: stateOf(previous),
    };
  }
  const sinceMs = state.surplus?.sinceMs ?? observed.nowMs;
  const peak = Math.min(previous, Math.max(state.surplus?.peak ?? 0, wanted));
  if (observed.nowMs - sinceMs < 1000 * limits.idleSeconds) {
    return { desired: previous, reason, state: { ...stateOf(previous), surplus: { sinceMs, peak } } };
  }
  // From now on what is wanted is enough, unless it rises.
  return { desired: peak, reason, state: { ...stateOf(peak), surplus: { sinceMs, peak: wanted } } };
}

const stateOf = (desired: number): PolicyState => ({ desired, surplus: null, lateSinceMs: null });
