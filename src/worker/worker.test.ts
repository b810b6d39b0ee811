import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WorkerHarness } from '../../test/support/worker-harness.ts';

test('a picture is recognised, stored, answered and its message deleted', async () => {
  await using harness = await WorkerHarness.open({ people: ['paul', 'anna'] });
  const worker = harness.start();
  const jobId = await harness.submit('paul stranger', { fileName: 'test_07.jpg' });

  assert.deepEqual(await harness.answersTo(1), [{ version: 1, jobId, status: 'done' }]);
  const result = await harness.result(jobId);
  assert(result?.status === 'done');
  assert.deepEqual(
    result.faces.map((face) => face.person?.name ?? null),
    ['paul', null],
  );
  assert.equal(result.fileName, 'test_07.jpg');
  assert.equal(result.galleryVersion, 2);
  worker.drain();
  assert.equal(await worker.ended, 'stopped');
  assert.deepEqual(await harness.queues.requests.depth(), { visible: 0, inFlight: 0, delayed: 0 });
});
