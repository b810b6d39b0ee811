import { courseCount, originalCount } from '../../policy/presets.ts';
import type { Scaler } from '../scaler.ts';
import { Sliding } from '../sliding.ts';

/** The original system: by the messages that wait, up and down at once. */
export function originalScaler(): Scaler {
  return { intervalSeconds: 5, desired: ({ waiting }) => originalCount(waiting) };
}

/** The course: an instance for each job; none once nothing was there for so long. */
export function courseScaler({ idleSeconds }: { idleSeconds: number }): Scaler {
  const asked = new Sliding(idleSeconds);
  return {
    intervalSeconds: 1,
    desired({ now, waiting, inFlight }) {
      asked.add(now, courseCount(waiting + inFlight));
      return asked.most;
    },
  };
}
