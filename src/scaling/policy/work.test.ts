import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ArrivalBin, Observed, ObservedInstance, ScalingLimits } from '../policy.ts';
import { dues, etas } from './work.ts';

const LIMITS = { sloSeconds: 60, lookSeconds: 1 } as ScalingLimits;
/** Of 60 s, after what is kept in reserve, half a look, and the job itself. */
const TARGET = 57.9;

function dueAges(visible: number, arrivals: readonly ArrivalBin[], oldestAgeSeconds?: number) {
  const queue = {
    visible,
    inFlight: 0,
    delayed: 0,
    ...(oldestAgeSeconds !== undefined && { oldestAgeSeconds }),
  };
  const observed = { queue, arrivals, serviceSeconds: 1 } as unknown as Observed;
  return dues(observed, LIMITS).map(({ inSeconds, jobs }) => [
    Math.round(10 * (TARGET - inSeconds)) / 10,
    jobs,
  ]);
}

describe('what is left is due', () => {
  it('as what came last', () => {
    const arrivals = [
      { ageSeconds: 30, count: 10 },
      { ageSeconds: 2, count: 3 },
    ];
    assert.deepEqual(dueAges(5, arrivals), [
      [30, 2],
      [2, 5],
    ]);
    assert.deepEqual(dueAges(0, arrivals), []);
  });

  it('as the oldest that came, where more is left than was seen, and at once where nothing was', () => {
    assert.deepEqual(dueAges(8, [{ ageSeconds: 10, count: 3 }]).at(-1), [10, 8]);
    assert.deepEqual(dueAges(8, []), [[60, 8]]);
  });

  it('a little sooner, where the queue tells of an older one', () => {
    assert.deepEqual(dueAges(5, [{ ageSeconds: 10, count: 5 }], 12), [[12, 5]]);
    assert.deepEqual(dueAges(5, [{ ageSeconds: 10, count: 5 }], 8), [[10, 5]]);
  });

  it('and one job much sooner, where that one is much older', () => {
    assert.deepEqual(dueAges(5, [{ ageSeconds: 10, count: 5 }], 40), [
      [40, 1],
      [13, 5],
    ]);
  });
});

describe('an instance works', () => {
  const eta = (
    phase: ObservedInstance['phase'],
    ageSeconds: number,
    source: ObservedInstance['source'] = 'launch',
  ) =>
    etas([{ phase, ageSeconds, source } as ObservedInstance], {
      bootSeconds: { launch: 26, start: 10 },
    } as Observed)[0];

  it('at once when it is ready, and else when it will have booted', () => {
    assert.equal(eta('ready', 3), 0);
    assert.equal(eta('booting', 6), 20);
    assert.equal(eta('booting', 6, 'start'), 4);
  });

  it('as much later again as it is late, and is not counted on when that is a whole boot', () => {
    assert.equal(eta('booting', 30), 4);
    assert.equal(eta('booting', 53), Number.POSITIVE_INFINITY);
  });
});
