import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { halve, Pyramid, type Raster, turnUpright } from './raster.ts';

/** One value a pixel, the same in all channels. */
function grey(rows: readonly (readonly number[])[]): Raster {
  const data = Uint8Array.from(rows.flat().flatMap((value) => [value, value, value]));
  return { width: rows[0]?.length ?? 0, height: rows.length, data };
}

function rowsOf({ width, height, data }: Raster): number[][] {
  return Array.from({ length: height }, (_, row) =>
    Array.from({ length: width }, (_, column) => data[(row * width + column) * 3 + 1]!),
  );
}

describe('turnUpright', () => {
  // The scene is [[1, 2, 3], [4, 5, 6]]; each entry is how a camera with that orientation stores it.
  const stored: Record<number, number[][]> = {
    1: [
      [1, 2, 3],
      [4, 5, 6],
    ],
    2: [
      [3, 2, 1],
      [6, 5, 4],
    ],
    3: [
      [6, 5, 4],
      [3, 2, 1],
    ],
    4: [
      [4, 5, 6],
      [1, 2, 3],
    ],
    5: [
      [1, 4],
      [2, 5],
      [3, 6],
    ],
    6: [
      [3, 6],
      [2, 5],
      [1, 4],
    ],
    7: [
      [6, 3],
      [5, 2],
      [4, 1],
    ],
    8: [
      [4, 1],
      [5, 2],
      [6, 3],
    ],
  };
  for (const [orientation, rows] of Object.entries(stored)) {
    test(`undoes orientation ${orientation}`, () => {
      assert.deepEqual(rowsOf(turnUpright(grey(rows), Number(orientation))), stored[1]);
    });
  }
});

describe('halve', () => {
  test('takes the rounded mean of each 2x2 block, leaving out an odd last row and column', () => {
    const half = halve(
      grey([
        [0, 2, 9, 9, 7],
        [4, 6, 10, 10, 7],
        [1, 1, 1, 1, 1],
      ]),
    );
    assert.deepEqual(rowsOf(half), [[3, 10]]);
  });
});

describe('Pyramid', () => {
  const pyramid = new Pyramid(grey(Array.from({ length: 64 }, () => new Array<number>(100).fill(5))));

  test('gives the coarsest level that still has a pixel for each wanted one', () => {
    for (const [sourcePerTarget, shrink] of [
      [0.3, 1],
      [1.99, 1],
      [2, 2],
      [3.9, 2],
      [4.1, 4],
    ] as const) {
      assert.equal(pyramid.levelFor(sourcePerTarget).shrink, shrink);
    }
  });

  test('never shrinks a side away', () => {
    const { raster, shrink } = pyramid.levelFor(1000);
    assert.deepEqual([raster.width, raster.height, shrink], [1, 1, 64]);
  });
});
