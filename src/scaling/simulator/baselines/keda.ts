import type { Scaler, View } from '../scaler.ts';
import { Sliding } from '../sliding.ts';

export interface KedaSettings {
  /** Jobs per instance that are aimed at. */
  readonly queueLength: number;
  readonly pollingSeconds: number;
  /** From the last job until the last instance goes. */
  readonly cooldownSeconds: number;
  /** Of the HPA: the number falls to the highest that was asked for within this time. */
  readonly stabilisationSeconds: number;
}

/** https://keda.sh/docs/latest/scalers/aws-sqs/, …/reference/scaledobject-spec/ and the HPA's own defaults. */
export const KEDA_DEFAULTS: KedaSettings = {
  queueLength: 5,
  pollingSeconds: 30,
  cooldownSeconds: 300,
  stabilisationSeconds: 300,
};

const HPA_SYNC_SECONDS = 15;
const HPA_TOLERANCE = 0.1;
/** In 15 s it grows by as many as there are, or by four. */
const HPA_LEAST_GROWTH = 4;

/**
 * KEDA on a queue: it wakes a deployment from zero and puts it to sleep after the cooldown; in between a Horizontal
 * Pod Autoscaler aims at so many jobs an instance, both waiting and in flight.
 */
export function kedaScaler(settings: KedaSettings): Scaler {
  const { queueLength, pollingSeconds, cooldownSeconds, stabilisationSeconds } = settings;
  const recommended = new Sliding(Math.max(stabilisationSeconds, 1e-3));
  const counts = new Sliding(HPA_SYNC_SECONDS);
  let lastActiveAt = Number.NEGATIVE_INFINITY;
  let lastPollAt = Number.NEGATIVE_INFINITY;
  let lastSyncAt = Number.NEGATIVE_INFINITY;

  const syncHpa = ({ now, waiting, inFlight, current }: View): number => {
    const usage = (waiting + inFlight) / queueLength / current;
    const raw = Math.abs(usage - 1) <= HPA_TOLERANCE ? current : Math.ceil(usage * current - 1e-9);
    recommended.add(now, raw);
    const before = counts.first ?? current;
    counts.add(now, current);
    const most = Math.max(2 * before, before + HPA_LEAST_GROWTH);
    return Math.max(1, raw > current ? Math.min(raw, most) : Math.min(current, recommended.most));
  };

  return {
    intervalSeconds: 1,
    desired(view) {
      const { now, waiting, inFlight, current } = view;
      let wanted = current;
      if (now - lastPollAt >= pollingSeconds) {
        lastPollAt = now;
        if (waiting + inFlight > 0) lastActiveAt = now;
        if (current === 0) return waiting + inFlight > 0 ? 1 : 0;
        if (now - lastActiveAt >= cooldownSeconds) return 0;
      }
      if (current > 0 && now - lastSyncAt >= HPA_SYNC_SECONDS) {
        lastSyncAt = now;
        wanted = syncHpa(view);
      }
      return wanted;
    },
  };
}
