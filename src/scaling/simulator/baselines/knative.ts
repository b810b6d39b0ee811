import type { Scaler } from '../scaler.ts';
import { Sliding } from '../sliding.ts';

export interface KnativeSettings {
  /** Jobs per instance that are aimed at. */
  readonly target: number;
  readonly stableSeconds: number;
  /** Of the stable window. */
  readonly panicShare: number;
  /** Of what is ready: when the panic window asks for so much, it panics. */
  readonly panicThreshold: number;
  readonly graceSeconds: number;
}

/** https://knative.dev/docs/serving/autoscaling/: with a container that takes one request at a time, 70 % of it. */
export const knativeDefaults = (concurrency: number): KnativeSettings => ({
  target: 0.7 * concurrency,
  stableSeconds: 60,
  panicShare: 0.1,
  panicThreshold: 2,
  graceSeconds: 30,
});

const TICK_SECONDS = 2;
const MOST_RATE_UP = 1000;
const MOST_RATE_DOWN = 2;

/** Knative's pod autoscaler on jobs that are there: a stable window, and a short one in which it panics. */
export function knativeScaler(settings: KnativeSettings): Scaler {
  const { target, stableSeconds, panicShare, panicThreshold, graceSeconds } = settings;
  const stable = new Sliding(stableSeconds);
  const panic = new Sliding(Math.max(TICK_SECONDS, stableSeconds * panicShare));
  let panicsSince: number | undefined;
  let panicPeak = 0;
  let idleSince: number | undefined;
  return {
    intervalSeconds: TICK_SECONDS,
    desired({ now, waiting, inFlight, ready, current }) {
      const jobs = waiting + inFlight;
      stable.add(now, jobs);
      panic.add(now, jobs);
      const most = Math.ceil(MOST_RATE_UP * Math.max(1, ready));
      const least = Math.floor(ready / MOST_RATE_DOWN);
      const clip = (mean: number) => Math.min(most, Math.max(least, Math.ceil(mean / target - 1e-9)));
      const [steady, urgent] = [clip(stable.mean), clip(panic.mean)];
      if (urgent / Math.max(1, ready) >= panicThreshold) panicsSince = now;
      else if (panicsSince !== undefined && now - panicsSince >= stableSeconds) {
        panicsSince = undefined;
        panicPeak = 0;
      }
      if (panicsSince !== undefined) {
        panicPeak = Math.max(panicPeak, urgent, current);
        return panicPeak;
      }
      if (stable.mean > 0) {
        idleSince = undefined;
        return Math.max(1, steady);
      }
      idleSince ??= now;
      return now - idleSince >= graceSeconds ? 0 : Math.min(current, Math.max(1, steady));
    },
  };
}
