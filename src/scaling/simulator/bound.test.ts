import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { costBound } from './bound.ts';
import { Random } from './random.ts';

const TINY = {
  serviceSeconds: 1,
  bootSeconds: 2,
  sloSeconds: 5,
  billingMinimumSeconds: 4,
  concurrency: 1,
  maxInstances: 2,
  stepSeconds: 1,
};
const CLOUD = { ...TINY, bootSeconds: 26, sloSeconds: 60, billingMinimumSeconds: 60, maxInstances: 40 };

describe('the bound', () => {
  it('is what one instance costs that boots beforehand and works off a burst', async () => {
    const burst = Array.from({ length: 50 }, (_, index) => index / 50);
    const { costSeconds } = await costBound({ ...CLOUD, arrivals: burst, stepSeconds: 2 });
    assert.ok(Math.abs(costSeconds! - 76) < 1, `${costSeconds}`);
  });

  it('counts whole instances: a single job costs the minimum', async () => {
    const { costSeconds } = await costBound({ ...CLOUD, arrivals: [100], stepSeconds: 2 });
    assert.ok(costSeconds! > 55 && costSeconds! <= 60, `${costSeconds}`);
  });

  it('says when no schedule can be in time', async () => {
    const arrivals = Array.from({ length: 3000 }, (_, index) => index / 3000);
    const bound = await costBound({ ...CLOUD, arrivals, stepSeconds: 2 });
    assert.equal(bound.costSeconds, undefined);
    assert.ok(bound.violations > 500);
  });

  it('knows that nobody can boot before the first arrival who does not foresee it', async () => {
    const arrivals = Array.from({ length: 2000 }, (_, index) => index / 2000);
    const parts = { ...CLOUD, arrivals, stepSeconds: 2 };
    assert.equal((await costBound(parts)).violations, 0);
    assert.ok((await costBound({ ...parts, isCausal: true })).violations > 400);
  });

  it('is never above the best schedule, and close to it, on anything that can be tried out', async () => {
    const seed = 7;
    const random = new Random(seed);
    let gap = 0;
    for (let trial = 0; trial < 25; trial++) {
      const arrivals = Array.from({ length: 1 + random.integer(5) }, () => random.integer(9)).sort(
        (one, other) => one - other,
      );
      const best = bestOfAll(arrivals);
      const { costSeconds } = await costBound({ ...TINY, arrivals });
      if (best === undefined) continue;
      assert.ok(costSeconds !== undefined && costSeconds <= best + 1e-6, `${arrivals}, seed ${seed}`);
      gap += (best - costSeconds) / best / 25;
    }
    assert.ok(gap < 0.25, `on average ${gap} below the best`);
  });
});

interface Stay {
  readonly from: number;
  readonly until: number;
}

/** The cheapest of all schedules of at most two instances in whole seconds; undefined when none is in time. */
function bestOfAll(arrivals: readonly number[]): number | undefined {
  const stays: Stay[] = [];
  for (let from = arrivals[0]! - 4; from <= 14; from++) {
    for (let until = from + TINY.billingMinimumSeconds; until <= 18; until++) stays.push({ from, until });
  }
  const costOf = (fleet: readonly Stay[]) => fleet.reduce((sum, one) => sum + one.until - one.from, 0);
  const fleets = stays.flatMap((one, index) => [[one], ...stays.slice(index).map((other) => [one, other])]);
  const inTime = fleets
    .sort((one, other) => costOf(one) - costOf(other))
    .find((fleet) => isInTime(arrivals, fleet));
  return inTime && costOf(inTime);
}

/** Each ready instance does one job a second, the most urgent first. */
function isInTime(arrivals: readonly number[], fleet: readonly Stay[]): boolean {
  let next = 0;
  for (let at = arrivals[0]!; at <= 18; at++) {
    const ready = fleet.filter(({ from, until }) => from + TINY.bootSeconds <= at && at + 1 <= until).length;
    for (let done = 0; done < ready && next < arrivals.length && arrivals[next]! <= at; done++) {
      if (at + 1 > arrivals[next]! + TINY.sloSeconds) return false;
      next++;
    }
  }
  return next === arrivals.length;
}
