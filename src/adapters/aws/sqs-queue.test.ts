import assert from 'node:assert/strict';
import { test } from 'node:test';

import { settingsFor } from '../../../test/support/aws-settings.ts';
import { FakeSqs } from '../../../test/support/fake-sqs.ts';
import { type FacefleetError, NotFoundError } from '../../errors.ts';
import { createSqsClient } from './sqs/sqs-client.ts';
import { SqsQueueService } from './sqs-queue-service.ts';

async function makeScene() {
  const sqs = await FakeSqs.start();
  const connect = () => {
    const client = createSqsClient(settingsFor({ sqs: sqs.endpoint }));
    return new SqsQueueService({ client, endpoint: sqs.endpoint, region: 'us-east-1' });
  };
  const queues = connect();
  return {
    sqs,
    queues,
    connect,
    [Symbol.asyncDispose]: async () => {
      await queues[Symbol.asyncDispose]();
      await sqs[Symbol.asyncDispose]();
    },
  };
}

const quick = { max: 10, waitSeconds: 0, visibilityTimeoutSeconds: 30 };
const denied = {
  code: 'AccessDeniedException',
  message:
    'User: arn:aws:sts::123456789012:assumed-role/facefleet-web/i-1 is not authorized to perform: sqs:SetQueueAttributes on resource: arn:aws:sqs:us-east-1:123456789012:q',
};

test('single sends and deletes that come together go in batches of ten', async () => {
  await using scene = await makeScene();
  const queue = await scene.queues.ensure('q');
  await Promise.all(Array.from({ length: 100 }, (_, index) => queue.send(`message ${index}`)));
  assert.equal(scene.sqs.count('SendMessageBatch'), 10);
  assert.equal(scene.sqs.messageCount('q'), 100);
  for (let left = 100; left > 0; ) {
    const messages = await queue.receive({ ...quick, waitSeconds: 20 });
    await Promise.all(messages.map(({ receipt }) => queue.delete(receipt)));
    left -= messages.length;
  }
  assert.equal(scene.sqs.messageCount('q'), 0);
  const calls = scene.sqs.count('DeleteMessageBatch');
  assert.ok(calls <= scene.sqs.count('ReceiveMessage'), `${calls} calls`);
});

test('a batch is no longer than SQS takes', async () => {
  await using scene = await makeScene();
  const queue = await scene.queues.ensure('q', { maxMessageBytes: 262_144 });
  await queue.sendBatch(Array.from({ length: 4 }, () => 'x'.repeat(100_000)));
  assert.equal(scene.sqs.messageCount('q'), 4);
  const sizes = scene.sqs.calls
    .filter(({ action }) => action === 'SendMessageBatch')
    .map(({ body }) => JSON.stringify(body).length);
  assert.ok(
    sizes.every((size) => size < 262_144),
    sizes.join(),
  );
});

test('of a batch only what failed for a passing reason is sent again', async () => {
  await using scene = await makeScene();
  const queue = await scene.queues.ensure('q');
  scene.sqs.failNext('SendMessageBatch', { code: 'InternalError', entries: [1, 3] });
  await queue.sendBatch(['a', 'b', 'c', 'd']);
  const bodies = (await queue.receive(quick)).map(({ body }) => body);
  assert.deepEqual(bodies.sort(), ['a', 'b', 'c', 'd']);
  const entries = scene.sqs.calls.flatMap(
    ({ body }) => (body.Entries as unknown[] | undefined)?.length ?? [],
  );
  assert.deepEqual(entries, [4, 2]);
});

test('one message that is refused does not take the others with it', async () => {
  await using scene = await makeScene();
  await scene.queues.ensure('q');
  // This one does not know what the queue takes, and hears it from SQS.
  await using other = scene.connect();
  const queue = other.open('q');
  const outcomes = await Promise.allSettled([queue.send('a'), queue.send('x'.repeat(1025)), queue.send('c')]);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  assert.equal((outcomes[1] as PromiseRejectedResult).reason.code, 'limit-exceeded');
  assert.equal(scene.sqs.messageCount('q'), 2);
});

test('throttling, server errors and broken connections are got over, by every call', async () => {
  await using scene = await makeScene();
  const queue = await scene.queues.ensure('q');
  const passing = (action: string) => {
    scene.sqs.failNext(action, { code: 'RequestThrottled' });
    scene.sqs.failNext(action, { code: 'InternalError', status: 500 });
    scene.sqs.failNext(action, {});
  };
  for (const action of [
    'SendMessageBatch',
    'ReceiveMessage',
    'ChangeMessageVisibilityBatch',
    'GetQueueAttributes',
    'DeleteMessageBatch',
  ]) {
    passing(action);
  }
  await queue.send('a');
  const [message] = await queue.receive(quick);
  await queue.extend(message!.receipt, 60);
  assert.equal((await queue.depth()).inFlight, 1);
  await queue.delete(message!.receipt);
  assert.equal(scene.sqs.messageCount('q'), 0);
});

test('a receipt that SQS no longer knows is no error', async () => {
  await using scene = await makeScene();
  const queue = await scene.queues.ensure('q');
  for (const [action, call] of [
    ['DeleteMessageBatch', () => queue.delete('stale')],
    ['ChangeMessageVisibilityBatch', () => queue.extend('stale', 30)],
    ['ChangeMessageVisibilityBatch', () => queue.release('stale')],
  ] as const) {
    scene.sqs.failNext(action, { code: 'ReceiptHandleIsInvalid', entries: [0], isSenderFault: true });
    await call();
  }
});

test('a queue that goes and comes back is found again, also under a handle of before', async () => {
  await using scene = await makeScene();
  const queue = await scene.queues.ensure('q');
  await using other = scene.connect();
  await other.remove('q');
  await assert.rejects(
    queue.send('x'),
    (error) => error instanceof NotFoundError && /queue "q"/.test(error.message),
  );
  await assert.rejects(queue.receive(quick), NotFoundError);
  await other.ensure('q');
  await queue.send('back');
  assert.equal((await queue.receive(quick))[0]?.body, 'back');
});

test('a name that SQS refuses for a while is waited for', async () => {
  await using scene = await makeScene();
  scene.sqs.refuseDeletedNames(1000);
  await (await scene.queues.ensure('q')).send('old');
  await scene.queues.remove('q');
  const anew = await scene.queues.ensure('q');
  assert.deepEqual(await anew.receive(quick), []);
});

test('a queue that is as wanted is only looked at; one that is not, by who may not change it, names the permission', async () => {
  await using scene = await makeScene();
  await scene.queues.ensure('dead');
  const settings = { deadLetter: { queue: 'dead', maxReceives: 10 }, tags: { role: 'requests' } };
  await scene.queues.ensure('q', settings);
  await using other = scene.connect();
  const before = scene.sqs.calls.length;
  await other.ensure('q', settings);
  const calls = new Set(scene.sqs.calls.slice(before).map(({ action }) => action));
  assert.deepEqual([...calls].sort(), ['GetQueueAttributes', 'GetQueueUrl', 'ListQueueTags']);
  scene.sqs.failNext('SetQueueAttributes', denied);
  await assert.rejects(other.ensure('q', { ...settings, maxMessageBytes: 2048 }), (error: FacefleetError) => {
    assert.equal(error.code, 'permission-denied');
    assert.ok(error.message.includes('facefleet-web') && error.message.includes('sqs:SetQueueAttributes'));
    return true;
  });
});

test('tags of others stay when none are asked for, and AWS’s own always', async () => {
  await using scene = await makeScene();
  await scene.queues.ensure('q', { tags: { team: 'vision', 'aws:cloudformation:stack-name': 'facefleet' } });
  await scene.queues.ensure('q');
  await scene.queues.ensure('q', { tags: { role: 'requests' } });
  const [listed] = await scene.queues.list('q');
  assert.deepEqual(listed?.tags, { role: 'requests', 'aws:cloudformation:stack-name': 'facefleet' });
});

test('a poll that is called back ends within five seconds and hides nothing', async () => {
  await using scene = await makeScene();
  const queue = await scene.queues.ensure('q');
  const stop = new AbortController();
  const polling = queue.receive({ ...quick, waitSeconds: 20, signal: stop.signal });
  setTimeout(() => stop.abort(), 50);
  await polling;
  const waits = scene.sqs.calls.flatMap(({ body }) => body.WaitTimeSeconds ?? []);
  assert.deepEqual(waits, [5]);
  await queue.send('for the next one');
  assert.equal((await queue.receive(quick)).length, 1);
});
