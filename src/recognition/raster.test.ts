import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { type Raster, turnUpright } from './raster.ts';

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
