import type { Scaler } from '../scaler.ts';

export interface TrackingSettings {
  /** Backlog per instance that is aimed at. */
  readonly target: number;
  /** Minutes in a row above the target before it grows, and below nine tenths of it before it shrinks. */
  readonly minutesOut: number;
  readonly minutesIn: number;
}

/**
 * https://docs.aws.amazon.com/autoscaling/ec2/userguide/as-using-sqs-queue.html: the acceptable backlog is latency over
 * service time; the alarms that target tracking makes want 3 minutes to grow and 15 to shrink.
 */
export const trackingDefaults = (sloSeconds: number, serviceSeconds: number): TrackingSettings => ({
  target: sloSeconds / serviceSeconds,
  minutesOut: 3,
  minutesIn: 15,
});

/** EC2 Auto Scaling, target tracking on the queue's backlog per instance, with metrics of one minute. */
export function trackingScaler({ target, minutesOut, minutesIn }: TrackingSettings): Scaler {
  let above = 0;
  let below = 0;
  return {
    intervalSeconds: 60,
    desired({ waiting, current, ready }) {
      // Without an instance the metric has no meaning; the usual remedy is to divide by one then.
      const metric = waiting / Math.max(1, ready);
      above = metric > target || (current === 0 && waiting > 0) ? above + 1 : 0;
      below = metric < 0.9 * target ? below + 1 : 0;
      if (above >= minutesOut) {
        above = 0;
        return Math.max(current + 1, Math.ceil((Math.max(1, ready) * metric) / target));
      }
      if (below >= minutesIn) {
        below = 0;
        return Math.min(current - 1, Math.ceil((ready * metric) / target));
      }
      return current;
    },
  };
}
