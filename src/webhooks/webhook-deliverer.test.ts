import assert from 'node:assert/strict';
import { createHash, randomUUIDv7 } from 'node:crypto';
import { test } from 'node:test';

import { FakeClock } from '../../test/support/fake-clock.ts';
import { doneResult } from '../../test/support/fake-worker.ts';
import { MemoryDeployment } from '../../test/support/memory-deployment.ts';
import { isSigned, WebhookReceiver } from '../../test/support/webhook-receiver.ts';
import { createBatch, newBatch, readBatch, rewriteBatch } from '../batches/batch.ts';
import { webhookKey } from '../jobs/keys.ts';
import { storeRecord } from '../jobs/record.ts';
import { createResult } from '../jobs/results.ts';
import { Destinations } from './destinations.ts';
import { signatureHeaders } from './signature.ts';
import { oweCall, readOwedCall } from './webhook.ts';
import { WebhookDeliverer } from './webhook-deliverer.ts';

const SECRET = 'a-secret-of-the-receiver';
const HOUR_MS = 3_600_000;

class Scene implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly deployment = new MemoryDeployment({ clock: this.clock });
  readonly receiver: WebhookReceiver;
  readonly destinations: Destinations;
  deliverer: WebhookDeliverer;

  constructor(receiver: WebhookReceiver, allowed: readonly string[]) {
    this.receiver = receiver;
    this.destinations = new Destinations(allowed);
    this.deliverer = this.anotherDeliverer();
  }

  static async open(allowed: readonly string[] = ['127.0.0.1']): Promise<Scene> {
    return new Scene(await WebhookReceiver.start(), allowed);
  }

  anotherDeliverer(): WebhookDeliverer {
    const { deployment, destinations } = this;
    return new WebhookDeliverer({ ...deployment, destinations, random: () => 0 });
  }

  /** A job with a webhook, finished or not. */
  async job({ url = this.receiver.url, isFinished = true } = {}): Promise<string> {
    const jobId = randomUUIDv7();
    const traceId = createHash('md5').update(jobId).digest('hex');
    await oweCall(this.deployment.state, { url, secret: SECRET }, { jobId, traceId, now: this.clock.now() });
    if (isFinished) await this.finish(jobId, traceId);
    return jobId;
  }

  async finish(jobId: string, traceId = ''): Promise<void> {
    const picture = Buffer.from('x');
    const draft = {
      version: 1,
      jobId,
      fileName: 'a.jpg',
      contentType: 'image/jpeg',
      sha256: '',
      sizeBytes: 1,
      submittedAt: this.clock.now(),
      traceId,
      dialect: 'native' as const,
      task: { kind: 'recognise' as const },
    };
    const source = { sizeBytes: 1, sha256: '', open: () => picture };
    const record = await storeRecord(this.deployment, this.clock, draft, source);
    await createResult(this.deployment.output, doneResult(record, 'Paul'));
  }

  round(): Promise<number> {
    return this.deliverer.run(new AbortController().signal);
  }

  async isOwed(jobId: string): Promise<boolean> {
    return (await this.deployment.state.head(webhookKey(jobId))) !== undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.receiver[Symbol.asyncDispose]();
    await this.deployment[Symbol.asyncDispose]();
  }
}

test('a finished job is told, signed, and then nothing is owed any more', async () => {
  await using scene = await Scene.open();
  const jobId = await scene.job();
  assert.equal(await scene.round(), 1);
  const [call] = scene.receiver.calls;
  assert.ok(call);
  assert.equal(call.path, '/hook');
  assert.equal(call.headers['webhook-id'], `job_${jobId}`);
  assert.equal(call.headers['webhook-timestamp'], String(Math.floor(scene.clock.now() / 1000)));
  assert.match(String(call.headers.traceparent), /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
  assert.ok(isSigned(call, SECRET));
  assert.ok(!isSigned({ ...call, body: `${call.body} ` }, SECRET));
  const { type, data } = JSON.parse(call.body);
  assert.equal(type, 'job.finished');
  assert.equal(data.jobId, jobId);
  assert.equal(data.faces[0].person.name, 'Paul');
  assert.equal(await scene.isOwed(jobId), false, 'the secret is gone too');
  assert.equal(await scene.round(), 0);
});

test('a batch is told when it is finished, and not before', async () => {
  await using scene = await Scene.open();
  const { state } = scene.deployment;
  const batchId = randomUUIDv7();
  const facts = { jobId: batchId, traceId: 'a'.repeat(32), now: scene.clock.now(), about: 'batch' as const };
  await oweCall(state, { url: scene.receiver.url, secret: SECRET }, facts);
  assert.equal(await scene.round(), 0, 'it is not even accepted');
  const task = { kind: 'recognise' as const };
  const made = {
    batchId,
    kind: 'zip' as const,
    task,
    traceId: facts.traceId,
    createdAt: 1,
    total: 1,
    skipped: 0,
  };
  await createBatch(state, newBatch(made));
  await scene.clock.advance(60_000);
  assert.equal(await scene.round(), 0);
  const stored = (await readBatch(state, batchId))!;
  await rewriteBatch(state, { ...stored.batch, sent: 1, settled: 1, finishedAt: 9 }, stored.etag);
  await scene.clock.advance(60_000);
  assert.equal(await scene.round(), 1);
  const [call] = scene.receiver.calls;
  assert.ok(call !== undefined && isSigned(call, SECRET));
  assert.equal(call.headers['webhook-id'], `batch_${batchId}`);
  const { type, data } = JSON.parse(call.body);
  assert.deepEqual([type, data.batchId, data.status, data.finished], ['batch.finished', batchId, 'done', 1]);
  assert.equal(await scene.isOwed(batchId), false);
});

test('the signature is the one that other libraries make', () => {
  // The example that standardwebhooks.com and its libraries share.
  const headers = signatureHeaders('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', {
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    timestamp: 1614265330,
    body: '{"test": 2432232314}',
  });
  assert.equal(headers['webhook-signature'], 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
});

test('nobody is called before the job is finished', async () => {
  await using scene = await Scene.open();
  const jobId = await scene.job({ isFinished: false });
  await scene.round();
  assert.equal(scene.receiver.calls.length, 0);
  await scene.finish(jobId);
  await scene.clock.advance(60_000);
  assert.equal(await scene.round(), 1);
});

test('a receiver that fails is called again, later and later, under the same id and a new time', async () => {
  await using scene = await Scene.open();
  await scene.job();
  scene.receiver.nextAnswers.push({ status: 500 }, { status: 503 });
  assert.equal(await scene.round(), 0);
  assert.equal(await scene.round(), 0, 'not at once');
  await scene.clock.advance(5000);
  assert.equal(await scene.round(), 0);
  await scene.clock.advance(5000);
  await scene.round();
  assert.equal(scene.receiver.calls.length, 2, 'the second time it waits longer');
  await scene.clock.advance(25_000);
  assert.equal(await scene.round(), 1);
  const ids = scene.receiver.calls.map(({ headers }) => headers['webhook-id']);
  const times = scene.receiver.calls.map(({ headers }) => headers['webhook-timestamp']);
  assert.equal(new Set(ids).size, 1);
  assert.equal(new Set(times).size, 3);
  assert.ok(scene.receiver.calls.every((call) => isSigned(call, SECRET)));
});

test('another deliverer goes on where one died', async () => {
  await using scene = await Scene.open();
  await scene.job();
  scene.receiver.nextAnswers.push({ status: 500 });
  await scene.round();
  scene.deliverer = scene.anotherDeliverer();
  assert.equal(await scene.round(), 0, 'it keeps to the time that the other one set');
  await scene.clock.advance(5000);
  assert.equal(await scene.round(), 1);
});

test('after a day it is given up, and the secret is forgotten', async () => {
  await using scene = await Scene.open();
  const jobId = await scene.job({ url: 'http://127.0.0.1:1/' });
  const startedAt = scene.clock.now();
  let attempts = 0;
  while (attempts <= 10 && scene.clock.now() - startedAt < 48 * HOUR_MS) {
    await scene.round();
    attempts = (await readOwedCall(scene.deployment.state, jobId))?.call.attempts ?? 0;
    await scene.clock.advance(HOUR_MS);
  }
  assert.equal(attempts, 11);
  assert.ok(scene.clock.now() - startedAt > 23 * HOUR_MS);
  assert.equal((await readOwedCall(scene.deployment.state, jobId))?.call.secret, '');
  await scene.clock.advance(100 * HOUR_MS);
  scene.deliverer = scene.anotherDeliverer();
  assert.equal(await scene.round(), 0);
});

test('redirects are not followed', async () => {
  await using scene = await Scene.open();
  await scene.job();
  scene.receiver.nextAnswers.push({ status: 302, location: '/elsewhere' });
  assert.equal(await scene.round(), 0);
  assert.deepEqual(
    scene.receiver.calls.map(({ path }) => path),
    ['/hook'],
  );
});

test('a receiver that is gone is called no more', async () => {
  await using scene = await Scene.open();
  const jobId = await scene.job();
  scene.receiver.nextAnswers.push({ status: 410 });
  await scene.round();
  assert.equal(await scene.isOwed(jobId), false);
});

test('an address that may not be called any more is not called, whatever was stored', async () => {
  await using scene = await Scene.open([]);
  const jobId = await scene.job();
  assert.equal(await scene.round(), 0);
  assert.equal(scene.receiver.calls.length, 0);
  const { call } = (await readOwedCall(scene.deployment.state, jobId))!;
  assert.match(call.lastFailure ?? '', /webhook/);
});

test('many are called, one that is unreadable holds nobody up', async () => {
  await using scene = await Scene.open();
  await scene.deployment.state.put(webhookKey(randomUUIDv7()), Buffer.from('no JSON'));
  for (let number = 0; number < 50; number++) await scene.job();
  assert.equal(await scene.round(), 50);
  assert.equal(new Set(scene.receiver.calls.map(({ headers }) => headers['webhook-id'])).size, 50);
});

test('the next look is due when the next call is, and in a minute when none is owed', async () => {
  await using scene = await Scene.open();
  await scene.round();
  assert.equal(scene.deliverer.restSeconds, 60);
  const jobId = await scene.job({ isFinished: false });
  await scene.round();
  assert.equal(scene.deliverer.restSeconds, 2, 'a job may be finished at any moment');
  await scene.clock.advance(100_000);
  await scene.round();
  assert.equal(scene.deliverer.restSeconds, 25);
  await scene.finish(jobId);
  await scene.clock.advance(25_000);
  scene.receiver.nextAnswers.push({ status: 500 });
  await scene.round();
  assert.equal(scene.deliverer.restSeconds, 5, 'as long as the first failure is waited for');
  await scene.clock.advance(5000);
  assert.equal(await scene.round(), 1);
  assert.equal(scene.deliverer.restSeconds, 60);
});
