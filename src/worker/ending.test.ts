import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeController } from '../../test/support/fake-controller.ts';
import { FakeRecogniser } from '../../test/support/fake-recogniser.ts';
import { Gate } from '../../test/support/gate.ts';
import { WorkerHarness } from '../../test/support/worker-harness.ts';
import { RecogniserLostError } from '../recognition/errors.ts';

const TEN_MINUTES_MS = 600_000;

test('a worker that outgrew its memory finishes what runs and asks for a replacement', async () => {
  await using harness = await WorkerHarness.open({ flags: { 'worker-memory-mb': '200' } });
  const recogniser = new FakeRecogniser();
  const gate = new Gate();
  recogniser.before = () => gate.pass();
  let residentBytes = 250 * 2 ** 20;
  const worker = harness.start({ recogniser, residentBytes: () => residentBytes });
  worker.replica.residentBytes = 60 * 2 ** 20;
  const jobId = await harness.submit('paul');
  await gate.reached;
  await harness.clock.advance(5000);
  const next = await harness.submit('anna');
  gate.open();
  await harness.answersTo(2);

  residentBytes = 261 * 2 ** 20;
  assert.equal(await harness.ended(worker), 'memory');
  assert.equal((await harness.result(jobId))?.status, 'done', 'its ceiling follows the gallery');
  assert.equal((await harness.result(next))?.status, 'done');
});

test('a worker leaves when the gallery was switched to another pack', async () => {
  await using harness = await WorkerHarness.open();
  const worker = harness.start({ recogniser: new FakeRecogniser({ packId: 'fast' }) });
  worker.replica.activePack = 'fast';
  await harness.clock.advance(5000);
  worker.replica.activePack = 'accurate';
  assert.equal(await harness.ended(worker), 'pack');
});

test('a worker that hears of no controller and has no work ends by itself after ten minutes', async () => {
  await using harness = await WorkerHarness.open();
  const worker = harness.start();
  await harness.clock.advance(TEN_MINUTES_MS - 10_000);
  await harness.submit('paul');
  await harness.answersTo(1);
  await harness.clock.advance(TEN_MINUTES_MS - 10_000);
  await harness.submit('anna');
  await harness.answersTo(1);
  const idleSince = harness.clock.monotonic();
  assert.equal(await harness.ended(worker), 'orphaned');
  assert.ok(harness.clock.monotonic() - idleSince >= TEN_MINUTES_MS - 1000);
});

test('a worker whose drain takes too long gives back what it has in hand, says so and leaves', async () => {
  await using controller = await FakeController.start();
  await using harness = await WorkerHarness.open();
  await controller.register(harness.deployment.state);
  const recogniser = new FakeRecogniser();
  const gate = new Gate();
  recogniser.before = () => gate.pass();
  const worker = harness.start({ recogniser });
  const jobId = await harness.submit('paul');
  await gate.reached;
  controller.reply = { ...controller.reply, order: 'drain' };
  await harness.clock.advance(2000);
  await controller.beatWith(({ state, busy }) => state === 'draining' && busy === 1);
  assert.equal((await harness.queues.requests.depth()).inFlight, 1);
  controller.reply = { ...controller.reply, order: 'release' };
  assert.equal(await harness.ended(worker), 'overdue');
  assert.equal((await harness.queues.requests.depth()).visible, 1, 'another can have it at once');
  await controller.beatWith(({ state }) => state === 'drained');
  harness.start();
  assert.equal((await harness.answersTo(1))[0]?.jobId, jobId);
  gate.open();
});

test('a worker whose deployment is lost leaves at once, with work in hand', async () => {
  await using harness = await WorkerHarness.open();
  const recogniser = new FakeRecogniser();
  const gate = new Gate();
  recogniser.before = () => gate.pass();
  const worker = harness.start({ recogniser });
  await harness.submit('paul');
  await gate.reached;
  harness.deployment.losing.abort();
  assert.equal(await worker.ended, 'lost');
});

test('a worker whose recogniser hangs leaves, and the job comes to another', async () => {
  await using harness = await WorkerHarness.open();
  const worker = harness.start();
  const jobId = await harness.submit('hang');
  assert.equal(await harness.ended(worker), 'stuck');
  const other = new FakeRecogniser();
  other.repaired = true;
  harness.start({ recogniser: other });
  const answers = harness.answersTo(1);
  await harness.clock.advance(60_000);
  assert.equal((await answers)[0]?.jobId, jobId);
});

test('a worker whose recogniser died drains, and what it had comes to another', async () => {
  await using harness = await WorkerHarness.open();
  const recogniser = new FakeRecogniser();
  recogniser.before = () => {
    throw new RecogniserLostError('the thread died');
  };
  const worker = harness.start({ recogniser });
  await harness.submit('paul');
  assert.equal(await harness.ended(worker), 'broken');
  harness.start();
  const answers = harness.answersTo(1);
  await harness.clock.advance(5000);
  assert.equal((await answers)[0]?.status, 'done');
});

test('a worker told to end while its models load does not wait for them', async () => {
  await using harness = await WorkerHarness.open();
  const never = new Promise<FakeRecogniser>(() => {});
  const worker = harness.start({ loading: never });
  worker.drain();
  assert.equal(await harness.ended(worker), 'stopped');
});

test('a worker whose models cannot be loaded says why', async () => {
  await using harness = await WorkerHarness.open();
  const worker = harness.start({ loading: Promise.reject(new Error('no such pack')) });
  await assert.rejects(worker.ended);
  harness.forget(worker);
});
