import assert from 'node:assert/strict';
import { randomUUIDv7 } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';

import { batchJobId, MAX_BATCH_PICTURES } from './batch.ts';

test('the jobs of a batch have ids of its time, in its order', () => {
  const batchId = randomUUIDv7();
  const ids = Array.from({ length: MAX_BATCH_PICTURES }, (_, index) => batchJobId(batchId, index));
  assert.deepEqual(ids, ids.toSorted());
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids.slice(0, 1000)) {
    assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(id.slice(0, 13), batchId.slice(0, 13));
  }
});

test('an id follows from batch and index, and from nothing else', () => {
  const index = fc.integer({ min: 0, max: MAX_BATCH_PICTURES - 1 });
  fc.assert(
    fc.property(index, index, (one, other) => {
      const [first, second] = [randomUUIDv7(), randomUUIDv7()];
      assert.equal(batchJobId(first, one), batchJobId(first, one));
      assert.notEqual(batchJobId(first, one), batchJobId(second, one));
      assert.equal(batchJobId(first, one) < batchJobId(first, other), one < other);
    }),
  );
});
