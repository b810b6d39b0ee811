import assert from 'node:assert/strict';
import { randomUUIDv7 } from 'node:crypto';
import { test } from 'node:test';

import { eventually } from '../../test/support/eventually.ts';
import { FakeRecogniser } from '../../test/support/fake-recogniser.ts';
import { WorkerHarness } from '../../test/support/worker-harness.ts';
import { cancelJob } from './cancellation.ts';

for (const dialect of ['native', 'course']) {
  const open = () => WorkerHarness.open({ flags: { dialect }, people: ['paul'] });
  const cancel = ({ deployment }: WorkerHarness, jobId: string) =>
    cancelJob(deployment, deployment.clock, jobId);

  test(`${dialect}: a job that has not begun never does`, async () => {
    await using harness = await open();
    const jobId = await harness.submit('paul');
    const cancellation = await cancel(harness, jobId);
    assert.equal(cancellation?.outcome, 'cancelled');

    const { recogniser } = harness.start();
    await harness.answersTo(1);
    assert.deepEqual(recogniser.pictures, []);
    const result = await harness.result(jobId);
    assert.equal(result?.status === 'failed' && result.error.code, 'cancelled');
    await eventually('its message is gone', async () => {
      const { visible, inFlight } = await harness.queues.requests.depth();
      return visible + inFlight === 0;
    });
  });

  test(`${dialect}: of one that has begun, what it finds is not kept`, async () => {
    await using harness = await open();
    const jobId = await harness.submit('paul');
    const recogniser = new FakeRecogniser();
    recogniser.before = async () => {
      assert.equal((await cancel(harness, jobId))?.outcome, 'cancelled');
    };
    harness.start({ recogniser });
    await harness.answersTo(1);
    assert.deepEqual(recogniser.pictures, ['paul']);
    const result = await harness.result(jobId);
    assert.equal(result?.status === 'failed' && result.error.code, 'cancelled');
  });

  test(`${dialect}: one that is finished stays as it is`, async () => {
    await using harness = await open();
    const jobId = await harness.submit('paul');
    harness.start();
    await harness.answersTo(1);
    assert.equal((await cancel(harness, jobId))?.outcome, 'finished');
    assert.equal((await harness.result(jobId))?.status, 'done');
  });

  test(`${dialect}: whoever cancels twice is told the same`, async () => {
    await using harness = await open();
    const jobId = await harness.submit('paul');
    const all = await Promise.all([1, 2, 3].map(() => cancel(harness, jobId)));
    assert.deepEqual(new Set(all.map((one) => one?.outcome)), new Set(['cancelled']));
    assert.equal((await cancel(harness, jobId))?.outcome, 'cancelled');
  });

  test(`${dialect}: a job of the same picture goes on`, async () => {
    await using harness = await open();
    const cancelled = await harness.submit('paul');
    const other = await harness.submit('paul');
    await cancel(harness, cancelled);
    harness.start();
    await harness.answersTo(2);
    assert.equal((await harness.result(other))?.status, 'done');
    assert.equal((await harness.result(cancelled))?.status, 'failed');
  });
}

test('what changes the gallery cannot be cancelled, and what is not there neither', async () => {
  await using harness = await WorkerHarness.open();
  const jobId = await harness.submit('paul', { task: { kind: 'enrol', person: 'Paul' } });
  const { deployment } = harness;
  assert.deepEqual(await cancelJob(deployment, deployment.clock, jobId), { outcome: 'cannot' });
  assert.equal(await cancelJob(deployment, deployment.clock, randomUUIDv7()), undefined);
  assert.equal(await harness.result(jobId), undefined);
});
