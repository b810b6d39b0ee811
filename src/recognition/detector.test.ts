import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { decodeBoxes, fullRangeAnchors, letterbox, shortRangeAnchors } from './detector.ts';

describe('anchors', () => {
  test('full range: one in the middle of each 4x4 cell, row by row', () => {
    const anchors = fullRangeAnchors({ width: 192, height: 160 });
    assert.equal(anchors.length, 2 * 48 * 40);
    assert.deepEqual([...anchors.subarray(0, 4)], [2, 2, 6, 2]);
    assert.deepEqual([...anchors.subarray(-2)], [190, 158]);
  });

  test('short range: two a cell of 8x8, then six a cell of 16x16', () => {
    const anchors = shortRangeAnchors();
    assert.equal(anchors.length, 2 * 896);
    assert.deepEqual([...anchors.subarray(0, 6)], [4, 4, 4, 4, 12, 4]);
    assert.deepEqual(
      [...anchors.subarray(2 * 512, 2 * 512 + 14)],
      [8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 24, 8],
    );
  });
});

test('decodeBoxes adds offsets to anchors, and keeps what scores above the least', () => {
  const boxes = new Float32Array(3 * 16);
  boxes.set([1, -2, 20, 10], 0);
  boxes.set([0, 0, 8, 8], 16);
  boxes.set([0, 0, -3, 8], 32);
  const anchors = Float32Array.of(2, 2, 6, 2, 10, 2);
  const found = decodeBoxes(boxes, Float32Array.of(3, -2, 200), anchors, 0.3);
  assert.equal(found.length, 1, 'the second scores too low, the third is no box');
  assert.deepEqual(found[0]?.box, { x: -7, y: -5, width: 20, height: 10 });
  assert.ok(Math.abs(found[0].score - 0.9526) < 1e-4);
});

test('letterbox keeps the proportions, centres the picture, and is black (-1) around it', () => {
  const raster = { width: 100, height: 50, data: new Uint8Array(100 * 50 * 3).fill(255) };
  const size = { width: 64, height: 64 };
  const input = new Float32Array(3 * 64 * 64).fill(9);
  assert.deepEqual(letterbox(raster, size, input), {
    left: 0,
    top: 16,
    scaleX: 0.64,
    scaleY: 0.64,
  });
  const column = Array.from({ length: 64 }, (_, row) => input[row * 64 + 32]!);
  assert.deepEqual([column[0], column[15], column[32], column[48], column[63]], [-1, -1, 1, -1, -1]);
});
