import { KEDA_DEFAULTS, kedaScaler } from './baselines/keda.ts';
import { knativeDefaults, knativeScaler } from './baselines/knative.ts';
import { trackingDefaults, trackingScaler } from './baselines/target-tracking.ts';
import { courseScaler, originalScaler } from './baselines/thresholds.ts';
import type { Scaler } from './scaler.ts';

export interface RuleBasis {
  readonly sloSeconds: number;
  readonly serviceSeconds: number;
  readonly concurrency: number;
}

/** A rule with its settings, as text for people, and made anew for every run. */
export interface Candidate {
  readonly settings: string;
  make(): Scaler;
}

/** A rule of another system: as it comes, and in all the ways in which it is tried to tune it. */
export interface Rule {
  readonly name: string;
  readonly summary: string;
  defaults(basis: RuleBasis): Candidate;
  tunings(basis: RuleBasis): Candidate[];
}

function candidate<T extends object>(settings: T, make: (settings: T) => Scaler): Candidate {
  const text = Object.entries(settings).map(
    ([name, value]) => `${name} ${Number(Number(value).toPrecision(3))}`,
  );
  return { settings: text.join(', '), make: () => make(settings) };
}

/** Jobs per instance, from one to all that an instance does within the target. */
function targets({ sloSeconds, serviceSeconds, concurrency }: RuleBasis): number[] {
  const most = (sloSeconds / serviceSeconds) * concurrency;
  return [1 / most, 0.03, 0.06, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.8, 1].map((share) =>
    Math.max(concurrency * 0.7, share * most),
  );
}

export const RULES: readonly Rule[] = [
  {
    name: 'original',
    summary: 'thresholds of the original system',
    defaults: () => candidate({}, originalScaler),
    tunings: () => [candidate({}, originalScaler)],
  },
  {
    name: 'course',
    summary: 'an instance for each job',
    defaults: () => candidate({ idleSeconds: 5 }, courseScaler),
    tunings: () => [0, 5, 15, 60].map((idleSeconds) => candidate({ idleSeconds }, courseScaler)),
  },
  {
    name: 'keda',
    summary: 'KEDA on SQS with a Horizontal Pod Autoscaler',
    defaults: () => candidate(KEDA_DEFAULTS, kedaScaler),
    tunings: (basis) =>
      targets(basis).flatMap((queueLength) =>
        [0, 60].flatMap((stabilisationSeconds) =>
          [2].map((pollingSeconds) =>
            candidate(
              {
                queueLength,
                pollingSeconds,
                cooldownSeconds: Math.max(10, stabilisationSeconds),
                stabilisationSeconds,
              },
              kedaScaler,
            ),
          ),
        ),
      ),
  },
  {
    name: 'tracking',
    summary: 'EC2 target tracking on the backlog per instance',
    defaults: ({ sloSeconds, serviceSeconds }) =>
      candidate(trackingDefaults(sloSeconds, serviceSeconds), trackingScaler),
    tunings: (basis) =>
      targets(basis).flatMap((target) =>
        [1].flatMap((minutesOut) =>
          [1, 5].map((minutesIn) => candidate({ target, minutesOut, minutesIn }, trackingScaler)),
        ),
      ),
  },
  {
    name: 'knative',
    summary: "Knative's stable and panic windows",
    defaults: ({ concurrency }) => candidate(knativeDefaults(concurrency), knativeScaler),
    tunings: (basis) =>
      targets(basis).flatMap((target) =>
        [6, 60].flatMap((stableSeconds) =>
          [10].map((panicThreshold) =>
            candidate(
              {
                ...knativeDefaults(basis.concurrency),
                target,
                stableSeconds,
                panicThreshold,
                graceSeconds: 0,
              },
              knativeScaler,
            ),
          ),
        ),
      ),
  },
];
