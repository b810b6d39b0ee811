import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WorkerHarness } from '../../test/support/worker-harness.ts';
import { FacefleetError } from '../errors.ts';
import { ensureJobQueues } from '../jobs/queues.ts';

/** As the adapters say it of keys that ran out, a permission that was taken away, a clock that is off. */
const refusal = () =>
  new FacefleetError('permission-denied', 'the temporary credentials have expired; sign in again');

const TIMES = 30;
const PLACES: readonly (readonly [name: string, refuse: (harness: WorkerHarness) => void])[] = [
  ['the picture', ({ deployment }) => deployment.input.failNext('get', refusal(), { times: TIMES })],
  ['the result', ({ deployment }) => deployment.output.failNext('put', refusal(), { times: TIMES })],
  ['attempts on record', ({ deployment }) => deployment.state.failNext('put', refusal(), { times: TIMES })],
  ['receiving', (harness) => refuseQueue(harness, 'receive')],
  ['keeping a message hidden', (harness) => refuseQueue(harness, 'extend')],
  ['deleting the message', (harness) => refuseQueue(harness, 'deleteBatch')],
];

function refuseQueue(
  { deployment, queues }: WorkerHarness,
  operation: 'receive' | 'extend' | 'deleteBatch',
): void {
  const rule = { queue: queues.requests.name };
  for (let time = 0; time < TIMES; time++) deployment.queues.failNext(operation, refusal(), rule);
}

function calls({ deployment: { input, output, state } }: WorkerHarness): number {
  return [input, output, state].reduce((sum, bucket) => sum + bucket.calls.length, 0);
}

for (const [name, refuse] of PLACES) {
  test(`refused for a while, ${name}: the job is done in the end, and little was asked meanwhile`, async () => {
    await using harness = await WorkerHarness.open({ people: ['paul'] });
    refuse(harness);
    const jobId = await harness.submit('paul');
    const worker = harness.start();
    const before = calls(harness);
    for (let minute = 0; minute < 90 && !(await isSettled(harness, jobId)); minute++) {
      await harness.clock.advance(60_000);
    }
    assert.equal((await harness.result(jobId))?.status, 'done');
    assert.ok(await isSettled(harness, jobId), 'nothing is left in the queue');
    assert.deepEqual(harness.deployment.queues.bodies(harness.queues.deadLetters.name), []);
    // A heartbeat looks who leads every two seconds, which is no part of this.
    const asked = calls(harness) - before - leaderLooks(harness);
    assert.ok(asked < TIMES * 20, `${asked} calls`);
    worker.drain();
    assert.equal(await harness.ended(worker), 'stopped');
  });
}

test('a queue that was deleted is waited for, ever less often, and worked off when it is there again', async () => {
  await using harness = await WorkerHarness.open({ people: ['paul'] });
  const { requests } = harness.queues;
  harness.start();
  await harness.deployment.queues.remove(requests.name);
  await harness.clock.advance(300_000);
  await ensureJobQueues(harness.deployment.queues, harness.deployment.loaded.config);
  const jobId = await harness.submit('paul');
  for (let second = 0; second < 30 && !(await isSettled(harness, jobId)); second++) {
    await harness.clock.advance(1000);
  }
  assert.equal((await harness.result(jobId))?.status, 'done');
});

async function isSettled(harness: WorkerHarness, jobId: string): Promise<boolean> {
  const { visible, inFlight, delayed } = await harness.queues.requests.depth();
  return visible + inFlight + delayed === 0 && (await harness.result(jobId)) !== undefined;
}

function leaderLooks({ deployment }: WorkerHarness): number {
  return deployment.state.calls.filter(({ key }) => key === 'controller/leader.json').length;
}
