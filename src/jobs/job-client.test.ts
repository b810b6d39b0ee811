import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../../test/support/eventually.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { doneResult, FakeWorker } from '../../test/support/fake-worker.ts';
import { MemoryDeployment } from '../../test/support/memory-deployment.ts';
import { UnavailableError } from '../errors.ts';
import { JobClient, type JobRequest } from './job-client.ts';
import { inputKey, queueNames, recordKey, resultKey } from './keys.ts';
import { parseMessage } from './messages.ts';
import { createResult } from './results.ts';

const picture = Buffer.from('a picture');
const request: JobRequest = {
  picture,
  fileName: 'test_00.jpg',
  contentType: 'image/jpeg',
  task: { kind: 'recognise' },
  waitSeconds: 60,
};
const idempotency = { caller: 'somebody', key: 'key-1' };

function requestBodies(deployment: MemoryDeployment): string[] {
  return deployment.queues.bodies(queueNames(deployment.loaded.config.prefix).requests);
}

test('a job is stored with its record, worked off, and its result found by id', async () => {
  await using deployment = new MemoryDeployment();
  await using worker = await FakeWorker.start(deployment, (record) => doneResult(record, 'Paul'));
  await using client = await JobClient.open(deployment, { webId: '0' });
  const { jobId, isNew } = await client.submit(request);
  const result = await client.wait(jobId, { timeoutSeconds: 60 });
  assert.equal(isNew, true);
  assert.equal(result?.status === 'done' && result.faces[0]?.person?.name, 'Paul');
  assert.deepEqual(deployment.input.keys, [inputKey(jobId)]);
  assert.deepEqual(deployment.output.keys, [resultKey(jobId)]);
  assert.deepEqual(await client.find(jobId), { state: 'finished', result });
  assert.deepEqual(worker.jobIds, [jobId]);
});

test('the upload is written before the message, and both come back as they were sent', async () => {
  await using deployment = new MemoryDeployment();
  await using client = await JobClient.open(deployment);
  const paused = deployment.input.pauseNext('put');
  const submitting = client.submit({
    ...request,
    fileName: 'ünï\u0085\n"☺.jpg',
    trace: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), isSampled: false },
  });
  await paused.reached;
  assert.deepEqual(requestBodies(deployment), []);
  paused.release();
  const { jobId } = await submitting;
  const message = parseMessage(requestBodies(deployment)[0] ?? '');
  assert.equal(message.jobId, jobId);
  assert.equal(message.traceId, 'a'.repeat(32));
  const found = await client.find(jobId);
  assert.equal(found?.state, 'pending');
  assert.equal(found.record.fileName, 'ünï\u0085\n"☺.jpg');
  assert.equal(found.record.sizeBytes, picture.length);
});

test('who waits for nothing names no reply queue', async () => {
  await using deployment = new MemoryDeployment();
  await using client = await JobClient.open(deployment);
  await client.submit({ ...request, waitSeconds: 0 });
  assert.equal(parseMessage(requestBodies(deployment)[0] ?? '').replyQueue, undefined);
});

test('a failing queue rejects the submission; the upload stays as pending', async () => {
  await using deployment = new MemoryDeployment();
  await using client = await JobClient.open(deployment);
  deployment.queues.failNext('send', new UnavailableError('no broker'));
  await assert.rejects(client.submit(request), { code: 'unavailable' });
  assert.equal(deployment.input.keys.length, 1);
});

test('file names that are too long or no Unicode are refused before anything is written', async () => {
  await using deployment = new MemoryDeployment();
  await using client = await JobClient.open(deployment);
  for (const fileName of ['x'.repeat(256), '\ud800.jpg']) {
    await assert.rejects(client.submit({ ...request, fileName }), { code: 'limit-exceeded' });
  }
  await client.submit({ ...request, fileName: '漢'.repeat(255) });
  assert.equal(deployment.input.keys.length, 1);
});

test('nothing is known of ids that are none', async () => {
  await using deployment = new MemoryDeployment();
  await using client = await JobClient.open(deployment);
  for (const id of ['', '..', 'x/../y', crypto.randomUUID()]) assert.equal(await client.find(id), undefined);
});

test('a lost answer costs a look into the bucket, not the job', async () => {
  const clock = new FakeClock();
  await using deployment = new MemoryDeployment({ clock });
  await using worker = await FakeWorker.start(deployment);
  worker.answersToLose = 1;
  await using client = await JobClient.open(deployment);
  const { jobId } = await client.submit(request);
  await eventually('the result', () => deployment.output.keys.length === 1);
  const waiting = client.wait(jobId, { timeoutSeconds: 60 });
  await clock.advance(5000);
  assert.equal((await waiting)?.jobId, jobId);
});

test('a wait ends when its time is up or its signal aborts, and leaves nothing behind', async () => {
  const clock = new FakeClock();
  await using deployment = new MemoryDeployment({ clock });
  await using client = await JobClient.open(deployment);
  const { jobId } = await client.submit(request);
  const sleepingBefore = clock.sleeping;
  const timed = client.wait(jobId, { timeoutSeconds: 12 });
  await clock.advance(12_000);
  assert.equal(await timed, undefined);
  const controller = new AbortController();
  const aborted = client.wait(jobId, { timeoutSeconds: 12, signal: controller.signal });
  controller.abort();
  assert.equal(await aborted, undefined);
  assert.equal(clock.sleeping, sleepingBefore);
});

test('a bucket that does not answer for a moment does not end a wait', async () => {
  const clock = new FakeClock();
  await using deployment = new MemoryDeployment({ clock });
  await using client = await JobClient.open(deployment);
  const { jobId } = await client.submit(request);
  const found = await client.find(jobId);
  assert.equal(found?.state, 'pending');
  await createResult(deployment.output, doneResult(found.record));
  deployment.output.failNext('get', new UnavailableError('told to'));
  const waiting = client.wait(jobId, { timeoutSeconds: 60 });
  await clock.advance(10_000);
  assert.equal((await waiting)?.jobId, jobId);
});

test('disposing of the client ends its waits and removes its temporary queue', async () => {
  await using deployment = new MemoryDeployment();
  const client = await JobClient.open(deployment);
  const { jobId } = await client.submit(request);
  const waiting = client.wait(jobId, { timeoutSeconds: 60 });
  await client[Symbol.asyncDispose]();
  assert.equal(await waiting, undefined);
  const names = (await deployment.queues.list('')).map(({ name }) => name);
  assert.deepEqual(
    names.filter((name) => name.includes('resp')),
    [],
  );
  assert.deepEqual(deployment.state.keys, []);
});

test('the same idempotency key attaches to its job; another body or caller does not', async () => {
  await using deployment = new MemoryDeployment();
  await using client = await JobClient.open(deployment);
  await using worker = await FakeWorker.start(deployment);
  const first = await client.submit({ ...request, idempotency });
  await client.wait(first.jobId, { timeoutSeconds: 60 });
  const second = await client.submit({ ...request, idempotency });
  assert.equal(second.jobId, first.jobId);
  assert.equal(second.isNew, false);
  assert.equal(second.result?.jobId, first.jobId);
  assert.equal(worker.jobIds.length, 1);
  for (const other of [
    { picture: Buffer.from('another') },
    { fileName: 'test_01.jpg' },
    { task: { kind: 'recognise', topK: 5 } as const },
  ]) {
    await assert.rejects(client.submit({ ...request, ...other, idempotency }), { code: 'conflict' });
  }
  const stranger = await client.submit({ ...request, idempotency: { ...idempotency, caller: 'else' } });
  assert.notEqual(stranger.jobId, first.jobId);
});

test('of many submissions at once with one key, all attach to one job with one result', async () => {
  await using deployment = new MemoryDeployment();
  await using client = await JobClient.open(deployment);
  await using _worker = await FakeWorker.start(deployment);
  const submissions = await Promise.all(
    Array.from({ length: 20 }, () => client.submit({ ...request, idempotency })),
  );
  assert.equal(new Set(submissions.map(({ jobId }) => jobId)).size, 1);
  assert.equal(submissions.filter(({ isNew }) => isNew).length, 1);
  const results = await Promise.all(
    submissions.map(({ jobId, result }) => result ?? client.wait(jobId, { timeoutSeconds: 60 })),
  );
  assert.ok(results.every((result) => result?.jobId === submissions[0]?.jobId));
  assert.equal(deployment.output.keys.length, 1);
});

test('a retry carries on wherever the first submission died', async (context) => {
  const deaths = [
    [
      'before the upload',
      (deployment: MemoryDeployment) => deployment.input.failNext('put', new UnavailableError('x')),
    ],
    [
      'before the message',
      (deployment: MemoryDeployment) => deployment.queues.failNext('send', new UnavailableError('x')),
    ],
  ] as const;
  for (const dialect of ['native', 'course']) {
    for (const [where, die] of deaths) {
      await context.test(`${dialect}: ${where}`, async () => {
        await using deployment = new MemoryDeployment({ flags: { dialect } });
        await using client = await JobClient.open(deployment);
        await using _worker = await FakeWorker.start(deployment);
        die(deployment);
        await assert.rejects(client.submit({ ...request, idempotency }));
        const retry = await client.submit({ ...request, idempotency });
        assert.equal(retry.isNew, false);
        assert.equal((await client.wait(retry.jobId, { timeoutSeconds: 60 }))?.jobId, retry.jobId);
      });
    }
  }
});

test('an idempotency key is free again after a day', async () => {
  const clock = new FakeClock();
  await using deployment = new MemoryDeployment({ clock });
  await using client = await JobClient.open(deployment);
  const first = await client.submit({ ...request, idempotency });
  clock.setNow(clock.now() + 24 * 3_600_000);
  const second = await client.submit({ ...request, fileName: 'other.jpg', idempotency });
  assert.equal(second.isNew, true);
  assert.notEqual(second.jobId, first.jobId);
});

test('in the course dialect the buckets hold the file name and the stem, the rest is in the state bucket', async () => {
  await using deployment = new MemoryDeployment({ flags: { dialect: 'course' } });
  await using client = await JobClient.open(deployment);
  await using _worker = await FakeWorker.start(deployment, (record) => doneResult(record, 'Paul'));
  const { jobId } = await client.submit(request);
  const result = await client.wait(jobId, { timeoutSeconds: 60 });
  assert.equal(result?.status, 'done');
  assert.deepEqual(deployment.input.keys, ['test_00.jpg']);
  assert.deepEqual(deployment.output.keys, ['test_00']);
  assert.equal((await (await deployment.output.get('test_00'))?.bytes())?.toString(), 'Paul');
  assert.ok(
    deployment.state.keys.includes(recordKey(jobId)) && deployment.state.keys.includes(resultKey(jobId)),
  );
  const enrolment = await client.submit({ ...request, task: { kind: 'enrol', person: 'Paul' } });
  assert.equal((await client.wait(enrolment.jobId, { timeoutSeconds: 60 }))?.kind, 'enrol');
  assert.deepEqual(deployment.input.keys, ['test_00.jpg']);
});

test('a job submitted in one dialect is found in the other', async () => {
  await using deployment = new MemoryDeployment({ flags: { dialect: 'course' } });
  await using client = await JobClient.open(deployment);
  await using _worker = await FakeWorker.start(deployment);
  const { jobId } = await client.submit(request);
  await client.wait(jobId, { timeoutSeconds: 60 });
  const { input, output, state, queues } = deployment;
  const native = Object.assign(new MemoryDeployment(), { input, output, state, queues });
  await using other = await JobClient.open(native);
  assert.equal((await other.find(jobId))?.state, 'finished');
});
