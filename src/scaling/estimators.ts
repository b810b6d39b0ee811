import type { Heartbeat } from './heartbeat.ts';

/** Until an instance has said how long a job takes. Rather too long: too many instances cost less than too few. */
export const DEFAULT_SERVICE_SECONDS = 0.05;
const LEAST_SERVICE_SECONDS = 0.001;

/**
 * Seconds of work per job: the mean of what the instances say of their last jobs, or, while none has worked, what was
 * known before.
 */
export function estimateServiceSeconds(beats: readonly Heartbeat[], previous: number): number {
  const told = beats.map(({ serviceSeconds }) => serviceSeconds).filter((seconds) => seconds > 0);
  if (told.length === 0) return previous;
  const mean = told.reduce((sum, seconds) => sum + seconds, 0) / told.length;
  return Math.max(LEAST_SERVICE_SECONDS, mean);
}

/** Jobs an instance works on at once: what the instances say, or, while there are none, what they are configured for. */
export function estimateConcurrency(beats: readonly Heartbeat[], configured: number): number {
  const told = beats.map(({ concurrency }) => concurrency);
  return told.length === 0 ? configured : Math.min(...told);
}
