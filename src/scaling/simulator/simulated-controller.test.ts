import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ScalingLimits } from '../policy.ts';
import { costBound } from './bound.ts';
import { NO_FAULTS } from './cloud.ts';
import { Plant } from './plant.ts';
import { Random } from './random.ts';
import { runPlant } from './score.ts';
import { SimulatedController } from './simulated-controller.ts';
import { makeWorkload } from './workloads.ts';

const SERVICE_SECONDS = 1;
const BOOT_SECONDS = 26;
const LIMITS: ScalingLimits = {
  preset: 'slo',
  minInstances: 0,
  maxInstances: 40,
  sloSeconds: 60,
  lookSeconds: 1,
  idleSeconds: 2,
  billingMinimumSeconds: 60,
  warmPool: 0,
  maxActionsPerRound: 40,
};

function simulate(arrivals: readonly number[], seed: number) {
  const random = new Random(seed);
  const plant = new Plant({
    arrivals,
    serviceSeconds: () => SERVICE_SECONDS,
    bootSeconds: () => BOOT_SECONDS,
    concurrency: 1,
    billingMinimumSeconds: LIMITS.billingMinimumSeconds,
    visibilityTimeoutSeconds: 30,
    random,
  });
  const controller = new SimulatedController(plant, {
    limits: LIMITS,
    faults: NO_FAULTS,
    random: random.fork(),
    concurrency: 1,
    serviceSeconds: SERVICE_SECONDS,
    bootSeconds: BOOT_SECONDS,
    pollSeconds: 5,
    deathsEverySeconds: 0,
    spotLifeSeconds: 0,
  });
  return runPlant(plant, LIMITS.sloSeconds, controller.clock);
}

describe('the real controller in simulated time', () => {
  for (const name of ['burst of 50', 'sparse', 'on/off']) {
    it(`does all work of "${name}", and never for less than the bound`, async (context) => {
      const { arrivals } = makeWorkload(name, 1);
      const score = await simulate(arrivals, 1);
      const { costSeconds = 0 } = await costBound({
        ...{ arrivals, serviceSeconds: SERVICE_SECONDS, bootSeconds: BOOT_SECONDS, concurrency: 1 },
        ...{ sloSeconds: LIMITS.sloSeconds, maxInstances: LIMITS.maxInstances, stepSeconds: 2 },
        billingMinimumSeconds: LIMITS.billingMinimumSeconds,
      });
      context.diagnostic(
        `${score.jobs} jobs, ${score.violations} late, ${Math.round(score.costSeconds)} instance-seconds, bound ${Math.round(costSeconds)}, p99 ${score.p99Seconds.toFixed(1)} s, ${score.actions} actions`,
      );
      assert.equal(score.jobs, arrivals.length);
      assert.ok(Number.isFinite(score.maxSeconds), 'every job was done');
      assert.ok(score.costSeconds >= costSeconds - 1e-6);
    });
  }
});
