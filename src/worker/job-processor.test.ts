import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeRecogniser } from '../../test/support/fake-recogniser.ts';
import { WorkerHarness } from '../../test/support/worker-harness.ts';
import { FacefleetError, UnavailableError } from '../errors.ts';
import { decodeDeadLetter } from '../jobs/dead-letter.ts';
import { attemptPrefix, resultKey } from '../jobs/keys.ts';

const EMPTY = { visible: 0, inFlight: 0, delayed: 0 };

test('of two messages for one job both are answered, and one result is stored', async () => {
  await using harness = await WorkerHarness.open({ people: ['paul'] });
  const jobId = await harness.submit('paul');
  await harness.send({ jobId });
  harness.start();
  harness.start();

  const answers = await harness.answersTo(2);
  assert.deepEqual(new Set(answers.map((answer) => answer.jobId)), new Set([jobId]));
  const puts = harness.deployment.output.calls.filter(({ operation }) => operation === 'put');
  const created = puts.filter(({ key }) => key === resultKey(jobId));
  assert.ok(created.length <= 2);
  assert.equal((await harness.result(jobId))?.status, 'done');
});

test('a message that could not be deleted comes again, finds its result and is only answered', async () => {
  await using harness = await WorkerHarness.open();
  const { requests } = harness.queues;
  harness.deployment.queues.failNext('deleteBatch', new UnavailableError('no'), { queue: requests.name });
  const { recogniser } = harness.start();
  await harness.submit('paul');
  await harness.answersTo(1);

  const again = harness.answersTo(1);
  await harness.clock.advance(30_000);
  assert.equal((await again)[0]?.status, 'done');
  assert.deepEqual(recogniser.pictures, ['paul']);
});

test('a failure that may pass gives the message back for a while that grows', async () => {
  await using harness = await WorkerHarness.open();
  harness.deployment.input.failNext('get', new UnavailableError('the bucket is away'), { times: 3 });
  const { recogniser } = harness.start();
  const jobId = await harness.submit('paul');

  const waits: number[] = [];
  const startedAt = harness.clock.now();
  while ((await harness.result(jobId)) === undefined) {
    await harness.clock.advance(500);
    const gets = harness.deployment.input.calls.filter(({ operation }) => operation === 'get').length;
    waits[gets] ??= harness.clock.now() - startedAt;
  }
  const [, , second = 0, third = 0, fourth = 0] = waits;
  assert.ok(second >= 1000 && third - second >= 1000 && fourth - third >= 2000, `retried at ${waits}`);
  assert.deepEqual(recogniser.pictures, ['paul']);
});

test('a reply queue that is gone counts as answered', async () => {
  await using harness = await WorkerHarness.open();
  const gone = `${harness.answers.name}-gone`;
  const worker = harness.start();
  const jobId = await harness.submit('paul', { message: { replyQueue: gone } });
  await harness.submit('anna');
  await harness.answersTo(1);
  worker.drain();
  await harness.ended(worker);
  assert.equal((await harness.result(jobId))?.status, 'done');
  assert.deepEqual(await harness.queues.requests.depth(), EMPTY);
});

test('a queue that is none of ours gets no answer', async () => {
  await using harness = await WorkerHarness.open();
  const foreign = ['somebody-elses-queue', harness.queues.requests.name, harness.queues.deadLetters.name];
  await harness.deployment.queues.ensure('somebody-elses-queue');
  const worker = harness.start();
  const jobIds = await Promise.all(
    foreign.map((replyQueue) => harness.submit('paul', { message: { replyQueue } })),
  );
  await harness.submit('anna');
  await harness.answersTo(1);
  worker.drain();
  await harness.ended(worker);
  for (const jobId of jobIds) assert.equal((await harness.result(jobId))?.status, 'done');
  for (const name of foreign) assert.deepEqual(harness.deployment.queues.bodies(name), [], name);
});

test('what is wrong for good becomes the result, at once', async () => {
  await using harness = await WorkerHarness.open({ flags: { 'max-upload-mb': '1' } });
  const badImage = await harness.submit('bad-image');
  const tooLarge = await harness.submit(Buffer.alloc(1024 * 1024 + 1));
  const gone = await harness.submit('paul', { message: { jobId: '01930000-0000-7000-8000-00000000dead' } });
  await harness.deployment.input.delete(`uploads/${gone}`);
  harness.start();

  assert.deepEqual(
    (await harness.answersTo(3)).map(({ status }) => status),
    ['failed', 'failed', 'failed'],
  );
  const codes = await Promise.all(
    [badImage, tooLarge, gone].map(async (jobId) => {
      const result = await harness.result(jobId);
      return result?.status === 'failed' && result.error.code;
    }),
  );
  assert.deepEqual(codes, ['bad-image', 'too-large', 'erased']);
  assert.deepEqual(harness.deployment.queues.bodies(harness.queues.deadLetters.name), []);
});

test('an error nobody foresaw is tried three times, then told, and kept for a person to look at', async () => {
  await using harness = await WorkerHarness.open();
  const { recogniser } = harness.start();
  const jobId = await harness.submit('bug');
  while ((await harness.result(jobId)) === undefined) await harness.clock.advance(1000);

  assert.deepEqual(recogniser.pictures, ['bug', 'bug', 'bug']);
  const result = await harness.result(jobId);
  assert(result?.status === 'failed');
  assert.equal(result.error.code, 'internal');
  const [letter] = harness.deployment.queues.bodies(harness.queues.deadLetters.name);
  assert.equal(JSON.parse(decodeDeadLetter(letter ?? '').message).jobId, jobId);
});

test('of errors nobody foresaw only its own count against a job, not how often its workers died', async () => {
  await using harness = await WorkerHarness.open();
  const jobId = await harness.submit('paul');
  await harness.receiveAndDie(5);
  const recogniser = new FakeRecogniser();
  let failures = 2;
  recogniser.before = () => {
    if (failures-- > 0) throw new TypeError('cannot read properties of undefined');
  };
  harness.start({ recogniser });
  while ((await harness.result(jobId)) === undefined) await harness.clock.advance(1000);
  assert.equal((await harness.result(jobId))?.status, 'done');
  assert.deepEqual(recogniser.pictures, ['paul', 'paul', 'paul']);
  await harness.answersTo(1);
  await harness.clock.advance(0);
  for await (const { key } of harness.deployment.state.list({ prefix: attemptPrefix(jobId) })) {
    assert.fail(`${key} is left`);
  }
});

test('a permission that is missing for a while costs no job its result', async () => {
  await using harness = await WorkerHarness.open();
  const refused = new FacefleetError('permission-denied', 'arn:worker may not s3:GetObject');
  harness.deployment.input.failNext('get', refused, { times: 8 });
  harness.start();
  const jobId = await harness.submit('paul');
  while ((await harness.result(jobId)) === undefined) await harness.clock.advance(5000);
  assert.equal((await harness.result(jobId))?.status, 'done');
});

test('a job whose workers die again and again is done by the one that lives, and is no dead letter', async () => {
  await using harness = await WorkerHarness.open();
  const jobId = await harness.submit('paul');
  await harness.receiveAndDie(60);
  harness.start();
  assert.deepEqual(
    (await harness.answersTo(1)).map(({ status }) => status),
    ['done'],
  );
  assert.equal((await harness.result(jobId))?.status, 'done');
  assert.deepEqual(harness.deployment.queues.bodies(harness.queues.deadLetters.name), []);
});

test('what is no message goes to the dead letters, and the rest of the queue goes on', async () => {
  await using harness = await WorkerHarness.open();
  const broken = ['no JSON', '{"version":99}', '{"version":1,"jobId":"../../etc"}'];
  for (const body of broken) await harness.queues.requests.send(body);
  harness.start();
  await harness.submit('paul');
  await harness.answersTo(1);
  const letters = harness.deployment.queues.bodies(harness.queues.deadLetters.name).map(decodeDeadLetter);
  assert.deepEqual(
    letters.map(({ message }) => message),
    broken,
  );
});

test('a message of the next version is worked off', async () => {
  await using harness = await WorkerHarness.open();
  harness.start();
  const jobId = await harness.submit('paul', { message: { version: 2 } });
  assert.deepEqual(await harness.answersTo(1), [{ version: 1, jobId, status: 'done' }]);
});
