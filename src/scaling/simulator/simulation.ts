import type { Logger } from '../../logger.ts';
import type { Clock } from '../../ports/clock.ts';
import { COURSE_IDLE_SECONDS } from '../policy/presets.ts';
import type { ScalingLimits } from '../policy.ts';
import { type CloudFaults, NO_FAULTS } from './cloud.ts';
import { type Moment, Plant } from './plant.ts';
import { Random } from './random.ts';
import type { Candidate, Rule, RuleBasis } from './rules.ts';
import { runScaler } from './scaler.ts';
import { runPlant, type Score } from './score.ts';
import { SimulatedController } from './simulated-controller.ts';

/** The deployment that a trace is played to. */
export interface Scenario {
  /** Seconds, ascending. */
  readonly arrivals: readonly number[];
  readonly serviceSeconds: number;
  readonly bootSeconds: number;
  /** How much boot times scatter: the standard deviation of their logarithm. */
  readonly bootSpread: number;
  readonly concurrency: number;
  readonly sloSeconds: number;
  readonly billingMinimumSeconds: number;
  readonly maxInstances: number;
  readonly idleSeconds: number;
  readonly lookSeconds: number;
  /** A worker that is told to drain has a poll under way that returns after up to so long. */
  readonly pollSeconds: number;
  readonly seed: number;
  readonly faults: CloudFaults;
  /** See `ControllerSettings`. */
  readonly deathsEverySeconds: number;
  readonly spotLifeSeconds: number;
}

export interface Run {
  readonly score: Score;
  readonly history: readonly Moment[];
}

/** A job of a second, machines that boot in 26 and are paid for a minute at least, an answer within a minute. */
export const CANONICAL_SCENARIO: Omit<Scenario, 'arrivals' | 'seed'> = {
  serviceSeconds: 1,
  bootSeconds: 26,
  bootSpread: 0,
  concurrency: 1,
  sloSeconds: 60,
  billingMinimumSeconds: 60,
  maxInstances: 40,
  idleSeconds: 2,
  lookSeconds: 1,
  pollSeconds: 5,
  faults: NO_FAULTS,
  deathsEverySeconds: 0,
  spotLifeSeconds: 0,
};

/** Processes of one machine: a tenth of a second a job, up in a second, and paid for by nobody. */
export const LOCAL_SCENARIO: Omit<Scenario, 'arrivals' | 'seed'> = {
  ...CANONICAL_SCENARIO,
  serviceSeconds: 0.1,
  bootSeconds: 1,
  sloSeconds: 2,
  billingMinimumSeconds: 0,
  lookSeconds: 0.25,
  // What the course's rule waits, whatever is set: who waits longer keeps instances on purpose.
  idleSeconds: COURSE_IDLE_SECONDS,
  pollSeconds: 0,
  maxInstances: 10,
};

/** As the controller's own, which bounds what it does in a round. */
const MOST_ACTIONS = 40;

/** The real policy, estimators and reconciler. `loggerAt`: to hear what the controller tells. */
export async function runPolicy(
  scenario: Scenario,
  preset: ScalingLimits['preset'] = 'slo',
  loggerAt?: (clock: Clock) => Logger,
): Promise<Run> {
  const plant = plantOf(scenario);
  const { sloSeconds, lookSeconds, billingMinimumSeconds, maxInstances, concurrency } = scenario;
  const controller = new SimulatedController(plant, {
    limits: {
      preset,
      minInstances: 0,
      maxInstances,
      sloSeconds,
      lookSeconds,
      // The course wants all stopped within five seconds.
      idleSeconds: preset === 'slo' ? scenario.idleSeconds : 5,
      billingMinimumSeconds,
      warmPool: 0,
      maxActionsPerRound: MOST_ACTIONS,
    },
    faults: scenario.faults,
    random: new Random(scenario.seed + 1),
    concurrency,
    serviceSeconds: scenario.serviceSeconds,
    bootSeconds: scenario.bootSeconds,
    pollSeconds: scenario.pollSeconds,
    deathsEverySeconds: scenario.deathsEverySeconds,
    spotLifeSeconds: scenario.spotLifeSeconds,
    ...(loggerAt && { loggerAt }),
  });
  const score = await runPlant(plant, sloSeconds, controller.clock);
  if (loggerAt !== undefined) await controller.look(2 * lookSeconds);
  return { score, history: plant.history };
}

export async function runRule(scenario: Scenario, { make }: Candidate): Promise<Run> {
  const plant = plantOf(scenario);
  runScaler(plant, make(), { min: 0, max: scenario.maxInstances });
  const score = await runPlant(plant, scenario.sloSeconds);
  return { score, history: plant.history };
}

/** How a rule fared with one of the settings that were tried. */
export interface Trial {
  readonly settings: string;
  readonly score: Score;
}

export interface Tuned extends Run {
  readonly settings: string;
  /** All that were tried. */
  readonly trials: readonly Trial[];
}

/** The cheapest settings without a violation on this very trace; where there are none, those with the fewest. */
export async function tuneRule(scenario: Scenario, rule: Rule, basis: RuleBasis): Promise<Tuned> {
  let best: (Run & Trial) | undefined;
  const trials: Trial[] = [];
  for (const candidate of [rule.defaults(basis), ...rule.tunings(basis)]) {
    const { settings } = candidate;
    const run = await runRule(scenario, candidate);
    trials.push({ settings, score: run.score });
    if (best === undefined || isBetter(run.score, best.score)) best = { ...run, settings };
  }
  return { ...best!, trials };
}

function isBetter(one: Score, other: Score): boolean {
  return one.violations === other.violations
    ? one.costSeconds < other.costSeconds
    : one.violations < other.violations;
}

function plantOf(scenario: Scenario): Plant {
  const { bootSeconds, bootSpread, serviceSeconds } = scenario;
  return new Plant({
    arrivals: scenario.arrivals,
    serviceSeconds: () => serviceSeconds,
    bootSeconds: (random) => bootSeconds * Math.exp(bootSpread === 0 ? 0 : bootSpread * random.normal()),
    concurrency: scenario.concurrency,
    billingMinimumSeconds: scenario.billingMinimumSeconds,
    visibilityTimeoutSeconds: 30,
    random: new Random(scenario.seed),
  });
}
