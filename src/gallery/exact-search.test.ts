import assert from 'node:assert/strict';
import { test } from 'node:test';
import { searchExactly } from './exact-search.ts';

const chunkOf = (...rows: readonly (readonly number[])[]) => {
  const buffer = new SharedArrayBuffer(rows.flat().length * Float32Array.BYTES_PER_ELEMENT);
  new Float32Array(buffer).set(rows.flat());
  return { buffer, rows: rows.length };
};
const chunks = [chunkOf([1, 0], [0, 1]), chunkOf([-1, 0])];

test('no probes find nothing, as of a picture without faces', () => {
  assert.deepEqual(searchExactly({ chunks, dimensions: 2, probes: new Float32Array(0), count: 3 }), []);
});

test('rows of all chunks come best first, at most as many as there are', () => {
  const probes = Float32Array.of(0.8, 0.6, -1, 0);
  const [first, second] = searchExactly({ chunks, dimensions: 2, probes, count: 9 });
  assert.deepEqual([...first!.rows], [0, 1, 2]);
  assert.deepEqual(
    [...first!.similarities].map((value) => Number(value.toFixed(3))),
    [0.8, 0.6, -0.8],
  );
  assert.equal(second!.rows[0], 2);
});
