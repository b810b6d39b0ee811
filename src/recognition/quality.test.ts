import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';

import { overallOf, rollOf, sharpnessOf, yawOf } from './quality.ts';
import type { Landmarks } from './types.ts';

/** A face as seen after turning its head: x from the axis of the head, z towards the camera, in eye half distances. */
function landmarks({
  yaw = 0,
  roll = 0,
  size = 40,
}: {
  yaw?: number;
  roll?: number;
  size?: number;
}): Landmarks {
  const head = [
    [-1, -0.6, 0],
    [1, -0.6, 0],
    [0, 0.1, 0.85],
    [-0.8, 1, 0],
    [0.8, 1, 0],
  ] as const;
  const [y, r] = [(yaw * Math.PI) / 180, (roll * Math.PI) / 180];
  const [a, b, c, d, e] = head.map(([hx, hy, hz]) => {
    const x = hx * Math.cos(y) + hz * Math.sin(y);
    return {
      x: 300 + size * (x * Math.cos(r) - hy * Math.sin(r)),
      y: 200 + size * (x * Math.sin(r) + hy * Math.cos(r)),
    };
  });
  return [a!, b!, c!, d!, e!];
}

const degrees = fc.integer({ min: -60, max: 60 });

test('yaw and roll are read off the landmarks, each whatever the other is', () => {
  fc.assert(
    fc.property(degrees, degrees, fc.integer({ min: 5, max: 400 }), (yaw, roll, size) => {
      const turned = landmarks({ yaw, roll, size });
      assert.ok(Math.abs(yawOf(turned) - yaw) < 0.01, `yaw ${yawOf(turned)}`);
      assert.ok(Math.abs(rollOf(turned) - roll) < 0.01, `roll ${rollOf(turned)}`);
    }),
  );
});

test('sharpness is the variance of the Laplacian: 0 for an even chip, more the finer the pattern', () => {
  const stripes = (period: number) => {
    const data = new Uint8Array(112 * 112 * 3);
    for (let at = 0; at < data.length; at++) data[at] = Math.floor(at / 3) % period < period / 2 ? 60 : 180;
    return sharpnessOf({ width: 112, height: 112, data });
  };
  const even = sharpnessOf({ width: 112, height: 112, data: new Uint8Array(112 * 112 * 3).fill(90) });
  assert.ok(Math.abs(even) < 1e-6);
  assert.ok(stripes(2) > stripes(8) && stripes(8) > stripes(28) && stripes(28) > 0);
});

describe('overall quality', () => {
  const good = { sizePx: 90, embeddingNorm: 70, yawDegrees: 10, sharpness: 140 };
  const figures = fc.record({
    sizePx: fc.integer({ min: 1, max: 2000 }),
    embeddingNorm: fc.option(fc.integer({ min: 0, max: 100 }), { nil: undefined }),
    yawDegrees: fc.integer({ min: -90, max: 90 }),
    sharpness: fc.integer({ min: 0, max: 3000 }),
  });

  test('is high for a good face, low for a small, blurred or turned one', () => {
    assert.ok(overallOf(good) > 0.95);
    assert.ok(overallOf({ ...good, embeddingNorm: undefined }) > 0.9);
    assert.ok(overallOf({ sizePx: 13, embeddingNorm: 50, yawDegrees: 10, sharpness: 9 }) < 0.3);
    assert.ok(overallOf({ ...good, embeddingNorm: 52, sharpness: 5 }) < 0.5);
    assert.equal(overallOf({ ...good, yawDegrees: -80 }), 0);
  });

  test('lies between 0 and 1, and no better figure lowers it', () => {
    fc.assert(
      fc.property(figures, (some) => {
        const overall = overallOf(some);
        assert.ok(overall >= 0 && overall <= 1);
        assert.ok(overallOf({ ...some, sizePx: some.sizePx + 10 }) >= overall);
        assert.ok(overallOf({ ...some, sharpness: some.sharpness + 50 }) >= overall);
        assert.ok(overallOf({ ...some, yawDegrees: some.yawDegrees / 2 }) >= overall);
      }),
    );
  });
});
