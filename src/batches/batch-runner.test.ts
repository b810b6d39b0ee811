import assert from 'node:assert/strict';
import { randomUUIDv7 } from 'node:crypto';
import { test } from 'node:test';

import { FakeClock } from '../../test/support/fake-clock.ts';
import { doneResult } from '../../test/support/fake-worker.ts';
import { MemoryDeployment } from '../../test/support/memory-deployment.ts';
import { parseMessage } from '../jobs/messages.ts';
import { ensureJobQueues, type JobQueues } from '../jobs/queues.ts';
import { readRecord } from '../jobs/record.ts';
import { createResult, readResult } from '../jobs/results.ts';
import { batchJobId, cancelBatch, createBatch, newBatch, readBatch, stateOf } from './batch.ts';
import { storePictures } from './batch-intake.ts';
import { BatchRunner } from './batch-runner.ts';

class Scene implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly deployment = new MemoryDeployment({ clock: this.clock });
  readonly batchId = randomUUIDv7();
  readonly queues: JobQueues;
  runner: BatchRunner;

  private constructor(deployment: MemoryDeployment, clock: FakeClock, queues: JobQueues) {
    this.deployment = deployment;
    this.clock = clock;
    this.queues = queues;
    this.runner = this.anotherRunner();
  }

  static async open(...contents: string[]): Promise<Scene> {
    const clock = new FakeClock();
    const deployment = new MemoryDeployment({ clock });
    const queues = await ensureJobQueues(deployment.queues, deployment.loaded.config);
    const scene = new Scene(deployment, clock, queues);
    await scene.take(contents);
    return scene;
  }

  async take(contents: readonly string[]): Promise<void> {
    const { batchId, clock, deployment } = this;
    const facts = {
      batchId,
      createdAt: clock.now(),
      traceId: 'a'.repeat(32),
      task: { kind: 'recognise' as const },
    };
    const pictures = (async function* () {
      for (const content of contents) yield { fileName: `${content}.jpg`, content: Buffer.from(content) };
    })();
    const looksLikePicture = (head: Buffer) => !head.includes('nonsense');
    const options = { ...facts, buckets: deployment, clock, dialect: 'native' as const, looksLikePicture };
    await storePictures(pictures, { ...options, contentTypeOf: () => 'image/jpeg' });
    await createBatch(
      deployment.state,
      newBatch({ ...facts, kind: 'zip', total: contents.length, skipped: 0 }),
    );
  }

  anotherRunner(): BatchRunner {
    return new BatchRunner({ ...this.deployment, requests: this.queues.requests, dialect: 'native' });
  }

  round(): Promise<number> {
    return this.runner.run(new AbortController().signal);
  }

  /** Works off what lies in the queue, as workers do; resolves to how many messages there were. */
  async work({ loses = false } = {}): Promise<number> {
    let count = 0;
    for (;;) {
      const options = { max: 10, waitSeconds: 0, visibilityTimeoutSeconds: 30 };
      const messages = await this.queues.requests.receive(options);
      if (messages.length === 0) return count;
      for (const { body, receipt } of messages) {
        count++;
        const record = await readRecord(this.deployment, parseMessage(body).jobId);
        assert.ok(record, 'every message has its picture');
        if (!loses) await createResult(this.deployment.output, doneResult(record, record.fileName));
        await this.queues.requests.delete(receipt);
      }
    }
  }

  async batch() {
    return (await readBatch(this.deployment.state, this.batchId))!.batch;
  }

  async result(index: number) {
    return (await readResult(this.deployment.output, batchJobId(this.batchId, index)))?.result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.deployment[Symbol.asyncDispose]();
  }
}

const names = (count: number) => Array.from({ length: count }, (_, index) => `p${index}`);

test('a batch is fed a window at a time until every picture has its result', async () => {
  await using scene = await Scene.open(...names(450));
  const sent: number[] = [];
  let finished = 0;
  for (let rounds = 0; rounds < 10 && finished === 0; rounds++) {
    finished = await scene.round();
    sent.push(await scene.work());
  }
  assert.deepEqual(sent, [200, 200, 50, 0]);
  const { total, settled, failed, finishedAt } = await scene.batch();
  assert.deepEqual({ total, settled, failed }, { total: 450, settled: 450, failed: 0 });
  assert.equal(typeof finishedAt, 'number');
  assert.equal((await scene.result(449))?.fileName, 'p449.jpg');
  assert.equal(await scene.round(), 0, 'and is left alone from then on');
});

test('what is no picture fails by itself, and costs no worker anything', async () => {
  await using scene = await Scene.open('a', 'nonsense', 'c');
  await scene.round();
  assert.equal(await scene.work(), 2);
  assert.equal(await scene.round(), 1);
  const result = await scene.result(1);
  assert.equal(result?.status === 'failed' && result.error.code, 'bad-image');
  assert.equal((await scene.batch()).failed, 1);
});

test('a runner that takes over goes on where the other one was', async () => {
  await using scene = await Scene.open(...names(300));
  await scene.round();
  await scene.work();
  scene.runner = scene.anotherRunner();
  await scene.round();
  assert.equal(await scene.work(), 100);
  assert.equal(await scene.round(), 1);
});

test('two runners at once do no harm', async () => {
  await using scene = await Scene.open(...names(30));
  const other = scene.anotherRunner();
  for (let rounds = 0; rounds < 3; rounds++) {
    await Promise.all([scene.round(), other.run(new AbortController().signal)]);
    await scene.work();
  }
  const { settled, finishedAt } = await scene.batch();
  assert.equal(settled, 30);
  assert.ok(finishedAt !== undefined);
});

test('messages that the queue has lost are sent again', async () => {
  await using scene = await Scene.open(...names(5));
  await scene.round();
  assert.equal(await scene.work({ loses: true }), 5);
  await scene.round();
  assert.equal(await scene.work(), 0, 'not at once: workers may be at it');
  await scene.clock.advance(61_000);
  await scene.round();
  assert.equal(await scene.work(), 5);
  assert.equal(await scene.round(), 1);
});

test('taking the same batch again changes nothing', async () => {
  await using scene = await Scene.open('a', 'b');
  await scene.round();
  await scene.work();
  await scene.round();
  const before = await scene.batch();
  await scene.take(['a', 'b']);
  assert.deepEqual(await scene.batch(), before);
  assert.equal(await scene.round(), 0);
});

test('with a batch open the next look is due in a second, without one in a minute', async () => {
  await using scene = await Scene.open('Paul');
  const { signal } = new AbortController();
  await scene.runner.run(signal);
  assert.equal(scene.runner.restSeconds, 1);
  const jobId = batchJobId(scene.batchId, 0);
  await createResult(
    scene.deployment.output,
    doneResult((await readRecord(scene.deployment, jobId))!, 'Paul'),
  );
  await scene.runner.run(signal);
  assert.equal(scene.runner.restSeconds, 60);
  await scene.anotherRunner().run(signal);
  assert.equal(scene.runner.restSeconds, 60);
});

test('a batch that is cancelled keeps the results that it has, and every other job is cancelled', async () => {
  await using scene = await Scene.open(...names(700));
  await scene.round();
  assert.equal(await scene.work(), 200);
  await scene.round();
  const { state } = scene.deployment;
  const asked = await cancelBatch(state, scene.batchId, scene.clock.now());
  assert.equal(asked && stateOf(asked).status, 'cancelling');
  assert.deepEqual(
    await cancelBatch(state, scene.batchId, scene.clock.now() + 1),
    asked,
    'asking again is nothing',
  );
  let finished = 0;
  for (let rounds = 0; rounds < 3 && finished === 0; rounds++) finished = await scene.round();
  assert.equal(finished, 1);
  const batch = stateOf(await scene.batch());
  assert.deepEqual([batch.status, batch.finished, batch.failed], ['cancelled', 700, 500]);
  const [kept, dropped] = [await scene.result(199), await scene.result(699)];
  assert.equal(kept?.status, 'done');
  assert.equal(dropped?.status === 'failed' && dropped.error.code, 'cancelled');
  assert.deepEqual(scene.deployment.input.keys.length, 200, 'pictures that nobody will look at are gone');
  assert.equal(await scene.round(), 0);
});

test('a batch that is finished cannot be cancelled any more, and one that never was is none', async () => {
  await using scene = await Scene.open('a');
  await scene.round();
  await scene.work();
  assert.equal(await scene.round(), 1);
  const { state } = scene.deployment;
  const batch = await cancelBatch(state, scene.batchId, scene.clock.now());
  assert.equal(batch && stateOf(batch).status, 'done');
  assert.equal(await cancelBatch(state, randomUUIDv7(), 0), undefined);
});
