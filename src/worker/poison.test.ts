import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { FakeRecogniser } from '../../test/support/fake-recogniser.ts';
import { Gate } from '../../test/support/gate.ts';
import { type StartOptions, WorkerHarness } from '../../test/support/worker-harness.ts';
import { UnavailableError } from '../errors.ts';
import { decodeDeadLetter } from '../jobs/dead-letter.ts';
import { attemptKey, attemptPrefix } from '../jobs/keys.ts';
import { createIsolatedRecogniser } from './isolated-recogniser.ts';

/** Reads fake pictures in a real child process. */
const isolatedReader: StartOptions['isolatedReader'] = () =>
  createIsolatedRecogniser({
    entry: fileURLToPath(new URL('../../test/support/isolated-fake-main.ts', import.meta.url)),
    args: [JSON.stringify({ memoryBytes: 2 ** 30 })],
    timeLimitSeconds: 30,
    heapBytes: 2 ** 30,
  });

/** What workers that were killed over a job leave behind. */
async function leaveAttempts(harness: WorkerHarness, jobId: string, count: number): Promise<void> {
  for (let attempt = 1; attempt <= count; attempt++) {
    await harness.deployment.state.put(attemptKey(jobId, attempt), Buffer.from('{}'));
  }
}

async function attemptsAt(harness: WorkerHarness, jobId: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of harness.deployment.state.list({ prefix: attemptPrefix(jobId) })) keys.push(key);
  return keys;
}

test('an attempt is on record while it lasts, from the second receive on', async () => {
  await using harness = await WorkerHarness.open();
  const jobId = await harness.submit('paul');
  await harness.receiveAndDie();
  const recogniser = new FakeRecogniser();
  const gate = new Gate();
  recogniser.before = () => gate.pass();
  harness.start({ recogniser });
  await gate.reached;
  assert.deepEqual(await attemptsAt(harness, jobId), [attemptKey(jobId, 1)]);
  gate.open();
  await harness.answersTo(1);
  await harness.clock.advance(0);
  assert.deepEqual(await attemptsAt(harness, jobId), []);
});

test('a first receive leaves no trace, and neither does one that was never started', async () => {
  await using harness = await WorkerHarness.open();
  const jobId = await harness.submit('paul');
  await harness.receiveAndDie();
  const fetching = harness.deployment.input.pauseNext('get');
  const worker = harness.start();
  await fetching.reached;
  worker.drain();
  fetching.release();
  await harness.ended(worker);
  const attempts = harness.deployment.state.calls.filter(({ key }) => key.startsWith('attempts/'));
  assert.deepEqual(attempts, []);
  assert.equal(await harness.result(jobId), undefined);
});

test('an attempt that fails has ended, so failures never make a job suspect', async () => {
  await using harness = await WorkerHarness.open();
  const recogniser = new FakeRecogniser();
  let failures = 5;
  recogniser.before = () => {
    if (failures-- > 0) throw new UnavailableError('for a while');
  };
  harness.start({ recogniser, isolatedReader: () => assert.fail('nobody is suspected') });
  const jobId = await harness.submit('paul');
  while ((await harness.result(jobId)) === undefined) await harness.clock.advance(1000);
  assert.equal((await harness.result(jobId))?.status, 'done');
});

test('a suspect that is innocent gets its result from the child process', async () => {
  await using harness = await WorkerHarness.open({ people: ['paul'] });
  const jobId = await harness.submit('paul');
  await leaveAttempts(harness, jobId, 2);
  await harness.receiveAndDie();
  const worker = harness.start({ isolatedReader });
  await harness.answersTo(1);
  worker.drain();
  await harness.ended(worker);
  const result = await harness.result(jobId);
  assert(result?.status === 'done');
  assert.equal(result.faces[0]?.person?.name, 'paul');
  assert.deepEqual(worker.recogniser.pictures, []);
  assert.deepEqual(await attemptsAt(harness, jobId), []);
});

test('a picture that crashes two child processes is poison: answered, buried, and the rest goes on', async () => {
  await using harness = await WorkerHarness.open({ people: ['paul'] });
  const poison = await harness.submit('crash');
  await leaveAttempts(harness, poison, 2);
  await harness.receiveAndDie();
  const others = await Promise.all(['paul', 'paul', 'paul'].map((name) => harness.submit(name)));
  const worker = harness.start({ isolatedReader });
  const answers = await harness.answersTo(4);

  assert.equal(answers.find(({ jobId }) => jobId === poison)?.status, 'failed');
  const result = await harness.result(poison);
  assert.equal(result?.status === 'failed' && result.error.code, 'poison');
  for (const jobId of others) assert.equal((await harness.result(jobId))?.status, 'done');
  worker.drain();
  await harness.ended(worker);
  const letters = harness.deployment.queues.bodies(harness.queues.deadLetters.name).map(decodeDeadLetter);
  assert.deepEqual(
    letters.map(({ message }) => JSON.parse(message).jobId),
    [poison],
  );
  assert.deepEqual(await harness.queues.requests.depth(), { visible: 0, inFlight: 0, delayed: 0 });
  assert.deepEqual(await attemptsAt(harness, poison), []);
});
