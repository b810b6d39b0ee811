import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryDeployment } from '../../test/support/memory-deployment.ts';
import { encodeDeadLetter } from './dead-letter.ts';
import { DeadLetters } from './dead-letters.ts';
import { JobClient } from './job-client.ts';
import { inputKey, queueNames } from './keys.ts';
import { parseMessage } from './messages.ts';
import { ensureJobQueues } from './queues.ts';

const PREFIX = 'facefleet';
const NAMES = queueNames(PREFIX);

/** A deployment with three dead letters: two jobs, one given up by a worker and one by the queue, and rubbish. */
async function withDeadLetters() {
  const deployment = new MemoryDeployment();
  const { requests, deadLetters } = await ensureJobQueues(deployment.queues, { prefix: PREFIX });
  const client = await JobClient.open(deployment);
  const submit = async (fileName: string) => {
    const picture = { picture: Buffer.from(fileName), fileName, contentType: 'image/jpeg', waitSeconds: 60 };
    const { jobId } = await client.submit({ ...picture, task: { kind: 'recognise' } });
    const options = { max: 1, waitSeconds: 0, visibilityTimeoutSeconds: 60 };
    const [message] = await requests.receive(options);
    assert.ok(message !== undefined);
    await requests.delete(message.receipt);
    return { jobId, body: message.body };
  };
  const poison = await submit('poison.jpg');
  const unlucky = await submit('unlucky.jpg');
  await deadLetters.send(encodeDeadLetter({ message: poison.body, reason: 'it crashes', diedAt: 1000 }));
  await deadLetters.send(unlucky.body);
  await deadLetters.send('rubbish');
  await client[Symbol.asyncDispose]();
  return {
    deployment,
    poison: poison.jobId,
    unlucky: unlucky.jobId,
    letters: new DeadLetters({ ...deployment, queues: deployment.queues, prefix: PREFIX }),
    bodies: () => deployment.queues.bodies(NAMES.deadLetters),
    requests: () => deployment.queues.bodies(NAMES.requests).map(parseMessage),
    [Symbol.asyncDispose]: () => deployment[Symbol.asyncDispose](),
  };
}

test('the list says which job, which file, why and when, and leaves the letters visible', async () => {
  await using subject = await withDeadLetters();
  const { jobs, hidden } = await subject.letters.list();
  assert.deepEqual(
    jobs.map(({ jobId, fileName, reason }) => ({ jobId, fileName, reason })),
    [
      { jobId: subject.poison, fileName: 'poison.jpg', reason: 'it crashes' },
      { jobId: subject.unlucky, fileName: 'unlucky.jpg', reason: 'received too often' },
      { jobId: undefined, fileName: undefined, reason: 'received too often' },
    ],
  );
  assert.equal(jobs[0]?.diedAt.getTime(), 1000);
  assert.equal(hidden, 0);
  assert.equal((await subject.letters.list()).jobs.length, 3);
});

test('a letter that somebody else holds is counted', async () => {
  await using subject = await withDeadLetters();
  const options = { max: 1, waitSeconds: 0, visibilityTimeoutSeconds: 60 };
  await subject.deployment.queues.open(NAMES.deadLetters).receive(options);
  const { jobs, hidden } = await subject.letters.list();
  assert.deepEqual([jobs.length, hidden], [2, 1]);
});

test('a redriven job goes to the workers, marked, without a reply queue, and its letter goes', async () => {
  await using subject = await withDeadLetters();
  const report = await subject.letters.redrive(new Set([subject.poison, 'missing']));
  assert.deepEqual(
    report.done.map(({ jobId }) => jobId),
    [subject.poison],
  );
  assert.deepEqual(report.missing, ['missing']);
  const [message] = subject.requests();
  assert.deepEqual(
    [message?.jobId, message?.redriven, message?.replyQueue],
    [subject.poison, true, undefined],
  );
  assert.equal(subject.bodies().length, 2);
});

test('redriving all leaves what cannot be worked off', async () => {
  await using subject = await withDeadLetters();
  await subject.deployment.input.delete(inputKey(subject.unlucky));
  const report = await subject.letters.redrive('all');
  assert.deepEqual(
    report.impossible.map(({ jobId }) => jobId).toSorted(),
    [subject.unlucky, undefined].toSorted(),
  );
  assert.equal(subject.requests().length, 1);
  assert.equal(subject.bodies().length, 2);
});

test('a letter stays when its job could not be sent', async () => {
  await using subject = await withDeadLetters();
  subject.deployment.queues.failNext('send', new Error('told to'), { queue: NAMES.requests });
  await assert.rejects(subject.letters.redrive(new Set([subject.poison])), /told to/);
  assert.equal(subject.bodies().length, 3);
});

test('dropping takes the letters chosen, or all, the unreadable too', async () => {
  await using subject = await withDeadLetters();
  await subject.letters.drop(new Set([subject.unlucky]));
  assert.equal(subject.bodies().length, 2);
  const report = await subject.letters.drop('all');
  assert.equal(report.done.length, 2);
  assert.deepEqual(subject.bodies(), []);
  assert.deepEqual(subject.requests(), []);
});
