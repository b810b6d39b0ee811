import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { Raster } from './raster.ts';
import { type Region, resampleInto } from './resampling.ts';

function raster(width: number, height: number, colour: (x: number, y: number) => number[]): Raster {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) data.set(colour(x, y), (y * width + x) * 3);
  }
  return { width, height, data };
}

/** The three planes of a region, resampled to width x height, as plain pixel values. */
function resampled(picture: Raster, region: Region, width: number, height: number): number[][] {
  const data = new Float32Array(3 * width * height);
  const planeStride = width * height;
  resampleInto(picture, region, {
    data,
    offset: 0,
    rowStride: width,
    planeStride,
    width,
    height,
    mean: 0,
    scale: 1,
  });
  return [0, 1, 2].map((plane) => [...data.subarray(plane * planeStride, (plane + 1) * planeStride)]);
}

const whole = ({ width, height }: Raster): Region => ({ x: 0, y: 0, width, height });

describe('resampleInto', () => {
  test('at the same size copies pixel by pixel, one plane a colour', () => {
    const picture = raster(3, 2, (x, y) => [x, 10 + y, 100 + x + y]);
    assert.deepEqual(resampled(picture, whole(picture), 3, 2), [
      [0, 1, 2, 0, 1, 2],
      [10, 10, 10, 11, 11, 11],
      [100, 101, 102, 101, 102, 103],
    ]);
  });

  test('keeps an even colour at any size, and writes it as (v - mean) / scale', () => {
    const picture = raster(37, 23, () => [51, 102, 204]);
    for (const [width, height] of [
      [5, 3],
      [80, 60],
      [37, 1],
    ] as const) {
      // Away from the edge: beyond it is black.
      const inner = { x: 8, y: 6, width: 20, height: 10 };
      const planes = resampled(picture, inner, width, height);
      for (const [plane, value] of [51, 102, 204].entries()) {
        for (const found of planes[plane]!) assert.ok(Math.abs(found - value) < 1e-3, `${found}`);
      }
    }
  });

  test('keeps a gradient when shrinking and enlarging', () => {
    const picture = raster(200, 12, (x) => [x, x, x]);
    const [red] = resampled(picture, { x: 50, y: 4, width: 100, height: 4 }, 25, 1);
    for (const [index, found] of red!.entries()) {
      assert.ok(Math.abs(found - (50 + index * 4 + 1.5)) < 0.01, `${found} at ${index}`);
    }
  });

  test('is black beyond the raster', () => {
    const white = raster(4, 4, () => [255, 255, 255]);
    const [red] = resampled(white, { x: -4, y: 0, width: 12, height: 4 }, 12, 4);
    assert.deepEqual(red!.slice(0, 12), [0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0]);
  });

  test('writes only its rectangle of the tensor', () => {
    const white = raster(2, 2, () => [255, 255, 255]);
    const data = new Float32Array(3 * 16).fill(-1);
    resampleInto(white, whole(white), {
      data,
      offset: 5,
      rowStride: 4,
      planeStride: 16,
      width: 2,
      height: 2,
      mean: 127.5,
      scale: 127.5,
    });
    assert.deepEqual([...data.subarray(0, 16)], [-1, -1, -1, -1, -1, 1, 1, -1, -1, 1, 1, -1, -1, -1, -1, -1]);
  });
});
