import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeRecogniser } from '../../test/support/fake-recogniser.ts';
import { Gate } from '../../test/support/gate.ts';
import { WorkerHarness } from '../../test/support/worker-harness.ts';
import { UnavailableError } from '../errors.ts';
import { queueNames } from '../jobs/keys.ts';

const EMPTY = { visible: 0, inFlight: 0, delayed: 0 };

test('a picture is recognised, stored, answered and its message deleted', async () => {
  await using harness = await WorkerHarness.open({ people: ['paul', 'anna'] });
  const worker = harness.start();
  const jobId = await harness.submit('paul stranger', { fileName: 'test_07.jpg' });

  assert.deepEqual(await harness.answersTo(1), [{ version: 1, jobId, status: 'done' }]);
  const result = await harness.result(jobId);
  assert(result?.status === 'done');
  assert.deepEqual(
    result.faces.map((face) => face.person?.name ?? null),
    ['paul', null],
  );
  assert.equal(result.fileName, 'test_07.jpg');
  assert.equal(result.galleryVersion, 2);
  worker.drain();
  assert.equal(await harness.ended(worker), 'stopped');
  assert.deepEqual(await harness.queues.requests.depth(), EMPTY);
});

test('a drain gives back what was not started, finishes what runs, and takes nothing new', async () => {
  await using harness = await WorkerHarness.open();
  const recogniser = new FakeRecogniser();
  const working = new Gate();
  recogniser.before = () => working.pass();
  const running = await harness.submit('paul');
  const worker = harness.start({ recogniser });
  await working.reached;
  const fetching = harness.deployment.input.pauseNext('get');
  const waiting = await harness.submit('anna');
  await fetching.reached;
  worker.drain();
  const late = await harness.submit('late');
  fetching.release();
  working.open();

  assert.equal(await harness.ended(worker), 'stopped');
  assert.equal((await harness.result(running))?.status, 'done');
  assert.equal(await harness.result(waiting), undefined);
  assert.equal(await harness.result(late), undefined);
  assert.deepEqual(await harness.queues.requests.depth(), {
    ...EMPTY,
    visible: 2,
    oldestAgeSeconds: (harness.clock.now() - Date.UTC(2026, 0, 1)) / 1000,
  });
});

test('while one picture is computed the next one is taken, and no third', async () => {
  await using harness = await WorkerHarness.open();
  const recogniser = new FakeRecogniser();
  const gate = new Gate();
  recogniser.before = () => gate.pass();
  for (const name of ['one', 'two', 'three']) await harness.submit(name);
  harness.start({ recogniser });
  await gate.reached;
  await harness.clock.advance(1000);
  assert.deepEqual(recogniser.pictures, ['one', 'two']);
  const { visible, inFlight } = await harness.queues.requests.depth();
  assert.deepEqual({ visible, inFlight }, { visible: 1, inFlight: 2 });
  gate.open();
  assert.equal((await harness.answersTo(3)).length, 3);
});

test('a worker with two sessions computes two pictures, and takes two more', async () => {
  await using harness = await WorkerHarness.open({ flags: { concurrency: '2' } });
  const recogniser = new FakeRecogniser();
  const gate = new Gate();
  recogniser.before = () => gate.pass();
  for (const name of ['one', 'two', 'three', 'four', 'five']) await harness.submit(name);
  harness.start({ recogniser });
  await gate.reached;
  await harness.clock.advance(1000);
  assert.deepEqual(recogniser.pictures, ['one', 'two', 'three', 'four']);
  gate.open();
  assert.equal((await harness.answersTo(5)).length, 5);
});

test('with a long queue many jobs are in hand, but of those that come again two, and of large pictures', async () => {
  await using harness = await WorkerHarness.open();
  const inHand = { again: 0, fresh: 0, large: 0 };
  const most = { ...inHand };
  const recogniser = new FakeRecogniser();
  recogniser.before = async (picture) => {
    const kind = picture.slice(0, 5) as keyof typeof inHand;
    inHand[kind]++;
    most[kind] = Math.max(most[kind], inHand[kind]);
    await harness.clock.sleep(20);
    inHand[kind]--;
  };
  for (let job = 0; job < 6; job++) await harness.submit('again');
  await harness.queues.requests.receive({ max: 10, waitSeconds: 0, visibilityTimeoutSeconds: 30 });
  await harness.clock.advance(30_000);
  for (let job = 0; job < 20; job++) await harness.submit('fresh');
  for (let job = 0; job < 6; job++) await harness.submit(`large${' '.repeat(2 * 1024 * 1024)}`);
  await harness.clock.advance(4000);
  harness.start({ recogniser });
  let answers = 0;
  const answering = harness.answersTo(32).then((all) => {
    answers = all.length;
  });
  while (answers === 0) await Promise.race([answering, harness.clock.advance(10)]);
  assert.equal(most.again, 2);
  assert.equal(most.large, 2);
  assert.ok(most.fresh > 4, `${most.fresh}`);
});

test('a message stays hidden however long its work takes', async () => {
  await using harness = await WorkerHarness.open();
  const recogniser = new FakeRecogniser();
  const gate = new Gate();
  recogniser.before = () => gate.pass();
  harness.start({ recogniser });
  const jobId = await harness.submit('paul');
  await gate.reached;
  const other = harness.start();
  await harness.clock.advance(150_000);
  assert.deepEqual(other.recogniser.pictures, []);
  gate.open();
  assert.equal((await harness.answersTo(1))[0]?.jobId, jobId);
  assert.deepEqual(recogniser.pictures, ['paul']);
});

test('a worker that cannot receive tries again, and again less often', async () => {
  await using harness = await WorkerHarness.open();
  const { requests } = harness.queues;
  for (let time = 0; time < 5; time++) {
    harness.deployment.queues.failNext('receive', new UnavailableError('no'), { queue: requests.name });
  }
  harness.start();
  const jobId = await harness.submit('paul');
  while ((await harness.result(jobId)) === undefined) await harness.clock.advance(100);
  assert.ok(harness.clock.monotonic() >= 1500, 'half of 0.1 + 0.2 + 0.4 + 0.8 + 1.6 s at least');
});

test('the request queue may come later than its workers', async () => {
  await using harness = await WorkerHarness.open();
  const { prefix } = harness.deployment.loaded.config;
  await harness.deployment.queues.remove(queueNames(prefix).requests);
  harness.start();
  await harness.clock.advance(1000);
  await harness.deployment.queues.ensure(queueNames(prefix).requests);
  const jobId = await harness.submit('paul');
  while ((await harness.result(jobId)) === undefined) await harness.clock.advance(100);
});
