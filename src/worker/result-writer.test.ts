import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeRecogniser } from '../../test/support/fake-recogniser.ts';
import { WorkerHarness } from '../../test/support/worker-harness.ts';
import { personJobKey } from '../jobs/keys.ts';

test('a result is findable by the people it names before it is there', async () => {
  await using harness = await WorkerHarness.open({ people: ['paul', 'anna'] });
  const storing = harness.deployment.output.pauseNext('put');
  harness.start();
  const jobId = await harness.submit('paul');
  await storing.reached;
  for (const person of ['id-of-paul', 'id-of-anna']) {
    assert.ok(await harness.deployment.state.head(personJobKey(person, jobId)), person);
  }
  storing.release();
  await harness.answersTo(1);
});

test('a result that names somebody who was erased meanwhile is taken back', async () => {
  await using harness = await WorkerHarness.open({ people: ['paul'] });
  const storing = harness.deployment.output.pauseNext('put');
  harness.start();
  const jobId = await harness.submit('paul');
  await storing.reached;
  harness.gallery.erase('paul');
  storing.release();
  assert.deepEqual(await harness.answersTo(1), [{ version: 1, jobId, status: 'failed' }]);
  const result = await harness.result(jobId);
  assert(result?.status === 'failed');
  assert.equal(result.error.code, 'erased');
});

test('in the course dialect the output bucket holds the bare name, and nothing else', async () => {
  await using harness = await WorkerHarness.open({ people: ['Paul'], flags: { dialect: 'course' } });
  harness.start();
  const jobId = await harness.submit('Paul', { fileName: 'test_00.jpg' });
  await harness.answersTo(1);
  const keys: string[] = [];
  for await (const { key } of harness.deployment.output.list()) keys.push(key);
  assert.deepEqual(keys, ['test_00']);
  const mirror = await (await harness.deployment.output.get('test_00'))?.bytes();
  assert.equal(mirror?.toString(), 'Paul');
  assert.equal((await harness.result(jobId))?.status, 'done');
});

test('a job brought back from the dead letters gets a new result for the one that failed', async () => {
  await using harness = await WorkerHarness.open();
  const recogniser = new FakeRecogniser();
  harness.start({ recogniser });
  const jobId = await harness.submit('bad-image');
  assert.equal((await harness.answersTo(1))[0]?.status, 'failed');
  await harness.send({ jobId });
  assert.equal((await harness.answersTo(1))[0]?.status, 'failed', 'a plain repeat changes nothing');

  recogniser.repaired = true;
  await harness.send({ jobId, redriven: true });
  assert.equal((await harness.answersTo(1))[0]?.status, 'done');
  assert.equal((await harness.result(jobId))?.status, 'done');
});
