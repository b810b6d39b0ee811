import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { FakeController } from '../../test/support/fake-controller.ts';
import { FakeRecogniser } from '../../test/support/fake-recogniser.ts';
import { MemoryObjectStore } from '../../test/support/memory-object-store.ts';
import { WorkerHarness } from '../../test/support/worker-harness.ts';
import { leaderKey } from '../jobs/keys.ts';
import { silentLogger } from '../logger.ts';
import type { Heartbeat, HeartbeatReply } from '../scaling/heartbeat.ts';
import { HeartbeatClient } from './heartbeat-client.ts';

const HEARTBEAT: Heartbeat = {
  instanceId: 'i-1',
  slot: 1,
  generation: 1,
  pid: 1,
  state: 'running',
  busy: 0,
  done: 0,
  serviceSeconds: 0,
  concurrency: 1,
  galleryVersion: 0,
  residentBytes: 1,
  uptimeSeconds: 1,
};

function start(state: MemoryObjectStore) {
  const clock = new FakeClock();
  const replies: HeartbeatReply[] = [];
  const client = new HeartbeatClient({
    state,
    clock,
    logger: silentLogger,
    describe: () => HEARTBEAT,
    onReply: (reply) => replies.push(reply),
  });
  /** Lets the beat under way end, and two seconds pass. */
  const nextBeat = async () => {
    await clock.untilSleeping();
    await clock.advance(2000);
    await clock.untilSleeping();
  };
  return { clock, client, replies, nextBeat };
}

test('it beats at once, every two seconds, and when something has changed', async () => {
  await using controller = await FakeController.start();
  const state = new MemoryObjectStore();
  await controller.register(state);
  const { clock, client, replies, nextBeat } = start(state);
  await using _client = client;
  assert.deepEqual(await controller.beat(1), HEARTBEAT);
  await clock.untilSleeping();
  await clock.advance(1999);
  assert.equal(controller.beats.length, 1);
  await nextBeat();
  assert.equal(controller.beats.length, 2);
  client.beatSoon();
  await controller.beat(3);
  await clock.untilSleeping();
  assert.equal(replies.length, 3);
  assert.equal(client.lastContactAt, clock.monotonic());
});

test('it follows the leader record to a new controller without missing a beat', async () => {
  const state = new MemoryObjectStore();
  const old = await FakeController.start({ epoch: 1 });
  await old.register(state);
  const { client, replies, nextBeat } = start(state);
  await using _client = client;
  await old.beat(1);
  await using next = await FakeController.start({ epoch: 2 });
  await next.register(state);
  await old[Symbol.asyncDispose]();
  await nextBeat();
  assert.equal(next.beats.length, 1);
  assert.deepEqual(
    replies.map(({ epoch }) => epoch),
    [1, 2],
  );
});

test('an order of a controller that is leader no more is not followed', async () => {
  await using controller = await FakeController.start({ epoch: 7 });
  const state = new MemoryObjectStore();
  await controller.register(state);
  controller.reply = { order: 'drain', galleryVersion: 9, epoch: 6 };
  const { client, replies, nextBeat } = start(state);
  await using _client = client;
  await controller.beat(1);
  await nextBeat();
  assert.deepEqual(replies, []);
});

test('it goes on without a controller, and finds one that comes', async () => {
  const state = new MemoryObjectStore();
  const { clock, client, nextBeat } = start(state);
  await using _client = client;
  await nextBeat();
  await nextBeat();
  assert.equal(client.lastContactAt, 0);
  await state.put(leaderKey, Buffer.from('{"address":7}'));
  await nextBeat();
  await using controller = await FakeController.start();
  await controller.register(state);
  await nextBeat();
  assert.equal(controller.beats.length, 1);
  assert.equal(client.lastContactAt, clock.monotonic());
});

test('what is no reply counts as none', async () => {
  await using controller = await FakeController.start();
  const state = new MemoryObjectStore();
  await controller.register(state);
  const { client, replies, nextBeat } = start(state);
  await using _client = client;
  await controller.beat(1);
  const nonsense = ['', 'null', '{"order":"dance"}', `"${'x'.repeat(100_000)}"`];
  for (const failure of [...nonsense.map((body) => ({ status: 200, body })), { status: 500, body: '{}' }]) {
    controller.failure = failure;
    await nextBeat();
  }
  assert.equal(replies.length, 1);
  controller.failure = undefined;
  await nextBeat();
  assert.equal(replies.length, 2);
});

test('a worker says when it is ready, and obeys the order to drain', async () => {
  await using harness = await WorkerHarness.open();
  await using controller = await FakeController.start();
  await controller.register(harness.deployment.state);
  const loading = Promise.withResolvers<FakeRecogniser>();
  const worker = harness.start({ loading: loading.promise });
  assert.equal((await controller.beat(1)).state, 'starting');
  loading.resolve(new FakeRecogniser());
  const ready = await controller.beatWith(({ state }) => state === 'running');
  assert.equal(ready.instanceId, 'instance-1');
  await harness.submit('paul');
  await harness.answersTo(1);

  controller.reply = { ...controller.reply, order: 'drain' };
  assert.equal(await harness.ended(worker), 'ordered');
  const states = controller.beats.map(({ state }) => state);
  assert.ok(states.includes('draining'));
  const last = controller.beats.at(-1);
  assert.deepEqual([last?.state, last?.busy, last?.done], ['drained', 0, 1]);
});

test('a worker catches up when the controller knows of a newer gallery', async () => {
  await using harness = await WorkerHarness.open({ people: ['paul'] });
  await using controller = await FakeController.start();
  await controller.register(harness.deployment.state);
  controller.reply = { ...controller.reply, galleryVersion: 1 };
  harness.start();
  const upToDate = controller.beatWith(({ galleryVersion }) => galleryVersion === 1);
  await controller.beatWith(({ state }) => state === 'running');
  await Promise.all([upToDate, harness.clock.advance(4000)]);
});
