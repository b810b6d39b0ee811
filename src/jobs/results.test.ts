import assert from 'node:assert/strict';
import { test } from 'node:test';

import { doneResult, failedResult } from '../../test/support/fake-worker.ts';
import { MemoryObjectStore } from '../../test/support/memory-object-store.ts';
import type { JobRecord } from './job.ts';
import { resultKey } from './keys.ts';
import { createResult, nameOf, parseResult, readResult, replaceResult } from './results.ts';

const jobId = '01890000-0000-7000-8000-000000000001';
const record: JobRecord = {
  version: 1,
  jobId,
  inputKey: `uploads/${jobId}`,
  fileName: 'a.jpg',
  contentType: 'image/jpeg',
  sha256: 'ab',
  sizeBytes: 1,
  submittedAt: 5,
  traceId: 'ab',
  dialect: 'native',
  task: { kind: 'recognise' },
};

test('a result is created once and replaced only by who has read it', async () => {
  const bucket = new MemoryObjectStore();
  const first = doneResult(record, 'Paul');
  assert.equal(await readResult(bucket, jobId), undefined);
  assert.equal(await createResult(bucket, first), true);
  assert.equal(await createResult(bucket, doneResult(record, 'Mary')), false);
  const stored = await readResult(bucket, jobId);
  assert.deepEqual(stored?.result, first);
  await replaceResult(bucket, failedResult(record, 'erased'), stored?.etag ?? '');
  await assert.rejects(replaceResult(bucket, first, stored?.etag ?? ''), { code: 'precondition-failed' });
  assert.equal((await readResult(bucket, jobId))?.result.status, 'failed');
});

test('the name is that of the largest face, or unknown', () => {
  assert.equal(nameOf(doneResult(record, 'Paul', 'Mary')), 'Paul');
  assert.equal(nameOf(doneResult(record, null, 'Mary')), 'unknown');
  assert.equal(nameOf(doneResult(record)), 'unknown');
});

test('what is no result of ours is corrupt', async () => {
  const done = doneResult(record);
  for (const broken of [
    'x',
    '{}',
    JSON.stringify({ ...done, version: 3 }),
    JSON.stringify({ ...done, status: 'perhaps' }),
    JSON.stringify({ ...done, faces: {} }),
    JSON.stringify({ ...done, status: 'failed' }),
  ]) {
    assert.throws(() => parseResult(broken), { code: 'data-corrupt' }, broken);
  }
  const bucket = new MemoryObjectStore();
  await bucket.put(resultKey(jobId), Buffer.from('{'));
  await assert.rejects(readResult(bucket, jobId), { code: 'data-corrupt' });
});
