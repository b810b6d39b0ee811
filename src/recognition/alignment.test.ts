import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';

import { chipToPicture, fitSimilarity, inverse, type Similarity, warp } from './alignment.ts';
import { ARCFACE_TEMPLATE } from './packs.ts';
import type { Raster } from './raster.ts';
import type { Landmarks, Point } from './types.ts';

const TEMPLATE_POINTS = ARCFACE_TEMPLATE.map(([x, y]) => ({ x, y }));

function apply({ a, b, x0, y0 }: Similarity, { x, y }: Point): Point {
  return { x: a * x - b * y + x0, y: b * x + a * y + y0 };
}

function turned(degrees: number, scale: number, x0: number, y0: number): Similarity {
  const angle = (degrees * Math.PI) / 180;
  return { a: scale * Math.cos(angle), b: scale * Math.sin(angle), x0, y0 };
}

const similarities = fc
  .tuple(
    fc.double({ min: -180, max: 180, noNaN: true }),
    fc.double({ min: 0.1, max: 20, noNaN: true }),
    fc.double({ min: -3000, max: 3000, noNaN: true }),
    fc.double({ min: -3000, max: 3000, noNaN: true }),
  )
  .map(([degrees, scale, x0, y0]) => turned(degrees, scale, x0, y0));

function assertClose(actual: Similarity, expected: Similarity) {
  for (const key of ['a', 'b', 'x0', 'y0'] as const) {
    assert.ok(
      Math.abs(actual[key] - expected[key]) < 1e-6,
      `${key}: ${actual[key]}, expected ${expected[key]}`,
    );
  }
}

describe('fitSimilarity', () => {
  test('finds the transform that was applied', () => {
    fc.assert(
      fc.property(similarities, (similarity) => {
        const moved = TEMPLATE_POINTS.map((point) => apply(similarity, point));
        assertClose(fitSimilarity(TEMPLATE_POINTS, moved), similarity);
      }),
    );
  });

  test('no nearby similarity has a smaller sum of squares', () => {
    const targets = TEMPLATE_POINTS.map(({ x, y }, index) => ({
      x: 2 * x + index ** 2,
      y: 2 * y - 3 * index,
    }));
    const best = fitSimilarity(TEMPLATE_POINTS, targets);
    const residual = (similarity: Similarity) =>
      TEMPLATE_POINTS.map((point) => apply(similarity, point)).reduce(
        (sum, { x, y }, index) => sum + (x - targets[index]!.x) ** 2 + (y - targets[index]!.y) ** 2,
        0,
      );
    for (const key of ['a', 'b', 'x0', 'y0'] as const) {
      for (const nudge of [-1e-3, 1e-3]) {
        assert.ok(residual({ ...best, [key]: best[key] + nudge }) > residual(best));
      }
    }
  });

  test('points all in one place are only shifted', () => {
    const same = TEMPLATE_POINTS.map(() => ({ x: 7, y: 9 }));
    assertClose(fitSimilarity(same, same), { a: 1, b: 0, x0: 0, y0: 0 });
  });

  test('inverse undoes it', () => {
    fc.assert(
      fc.property(similarities, (similarity) => assertClose(inverse(inverse(similarity)), similarity)),
    );
  });
});

/** Colours that are linear in x and y, so that bilinear sampling must give them exactly. */
function gradient(width: number, height: number): Raster {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data.set([x, y, (x + y) / 2], (y * width + x) * 3);
  }
  return { width, height, data };
}

describe('warp', () => {
  test('puts every pixel where the landmarks say, to the pixel', () => {
    const picture = gradient(240, 200);
    const toPicture = turned(20, 1.3, 60, 10);
    const [a, b, c, d, e] = TEMPLATE_POINTS.map((point) => apply(toPicture, point));
    const landmarks: Landmarks = [a!, b!, c!, d!, e!];
    const chip = warp(picture, chipToPicture(landmarks, ARCFACE_TEMPLATE), 112);
    let inside = 0;
    for (let row = 0; row < 112; row++) {
      for (let column = 0; column < 112; column++) {
        const { x, y } = apply(toPicture, { x: column, y: row });
        if (x < 0 || y < 0 || x > 239 || y > 199) continue;
        inside++;
        const at = (row * 112 + column) * 3;
        assert.ok(Math.abs(chip.data[at]! - x) <= 0.51, `red at ${column},${row}`);
        assert.ok(Math.abs(chip.data[at + 1]! - y) <= 0.51, `green at ${column},${row}`);
      }
    }
    assert.ok(inside > 10_000, 'most of the chip lies inside the picture');
  });

  test('takes the mean of all that a chip pixel covers, when the face is large', () => {
    const picture = gradient(250, 250);
    const toPicture = turned(-10, 3, 20, 50);
    const chip = warp(picture, toPicture, 60);
    for (const [column, row] of [
      [10, 10],
      [30, 20],
      [50, 50],
    ] as const) {
      const { x, y } = apply(toPicture, { x: column, y: row });
      const at = (row * 60 + column) * 3;
      assert.ok(
        Math.abs(chip.data[at]! - x) <= 1 && Math.abs(chip.data[at + 1]! - y) <= 1,
        `${column},${row}`,
      );
    }
    const stripes = { width: 90, height: 90, data: new Uint8Array(90 * 90 * 3) };
    for (let at = 0; at < stripes.data.length; at += 9) stripes.data.fill(240, at, at + 3);
    const even = warp(stripes, { a: 3, b: 0, x0: 1, y0: 1 }, 30);
    assert.deepEqual(new Set(even.data), new Set([80]));
  });

  test('is black outside, and fades over the last pixel', () => {
    const white = { width: 2, height: 2, data: new Uint8Array(12).fill(255) };
    const chip = warp(white, { a: 0.5, b: 0, x0: -1, y0: 0 }, 7);
    const firstRow = Array.from({ length: 7 }, (_, column) => chip.data[column * 3]);
    assert.deepEqual(firstRow, [0, 128, 255, 255, 255, 128, 0]);
  });
});
