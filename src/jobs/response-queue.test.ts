import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';

import { FakeClock } from '../../test/support/fake-clock.ts';
import { MemoryDeployment } from '../../test/support/memory-deployment.ts';
import { UnavailableError } from '../errors.ts';
import { responseLeaseKey, responseQueueName } from './keys.ts';
import { collectStaleResponseQueues, ResponseQueue, type ResponseQueueContext } from './response-queue.ts';

const HOUR_MS = 3_600_000;
const stableName = responseQueueName('facefleet', '0');
/** No process has this id: it is beyond what systems hand out. */
const DEAD_PID = 2 ** 30;

function setUp() {
  const clock = new FakeClock();
  const deployment = new MemoryDeployment({ clock });
  const { state, queues, logger } = deployment;
  const context: ResponseQueueContext = { state, queues, clock, logger, prefix: 'facefleet' };
  const names = async () => (await queues.list('')).map(({ name }) => name);
  return { clock, state, queues, context, names };
}

/** A lease as another process would have left it. */
async function leave(
  { state, clock, queues }: ReturnType<typeof setUp>,
  lease: { hostname: string; pid: number; ageMs?: number },
): Promise<void> {
  await queues.ensure(stableName);
  const { ageMs = 0, ...holder } = lease;
  const renewedAt = clock.now() - ageMs;
  const body = { version: 1, queueName: stableName, holder: 'other', ...holder, renewedAt };
  await state.put(responseLeaseKey(stableName), Buffer.from(JSON.stringify(body)));
}

test('a web process answers at its stable name, which stays when it goes', async () => {
  const parts = setUp();
  for (let run = 0; run < 2; run++) {
    await using responses = await ResponseQueue.open(parts.context, '0');
    assert.equal(responses.queue.name, stableName);
  }
  assert.deepEqual(await parts.names(), [stableName]);
});

test('while a live process holds the name, another gets one of its own, which goes with it', async () => {
  const parts = setUp();
  await using one = await ResponseQueue.open(parts.context, '0');
  {
    await using two = await ResponseQueue.open(parts.context, '0');
    assert.notEqual(two.queue.name, one.queue.name);
    assert.equal((await parts.names()).length, 2);
  }
  assert.deepEqual(await parts.names(), [stableName]);
});

test('the name of a killed process of this machine is taken over at once', async () => {
  const parts = setUp();
  await leave(parts, { hostname: hostname(), pid: DEAD_PID });
  await using responses = await ResponseQueue.open(parts.context, '0');
  assert.equal(responses.queue.name, stableName);
});

test('the name of a process elsewhere is taken over when its lease has run out', async () => {
  for (const [ageMs, isTaken] of [
    [59_000, false],
    [61_000, true],
  ] as const) {
    const parts = setUp();
    await leave(parts, { hostname: 'elsewhere', pid: process.pid, ageMs });
    await using responses = await ResponseQueue.open(parts.context, '0');
    assert.equal(responses.queue.name === stableName, isTaken);
  }
});

test('a lease is renewed while it is held, also after the bucket did not answer', async () => {
  const parts = setUp();
  await using _responses = await ResponseQueue.open(parts.context, '0');
  parts.state.failNext('put', new UnavailableError('told to'));
  await parts.clock.advance(3 * HOUR_MS);
  assert.deepEqual(await collectStaleResponseQueues(parts.context), []);
  await using other = await ResponseQueue.open(parts.context, '0');
  assert.notEqual(other.queue.name, stableName);
});

test('what processes left behind is collected after an hour, and only that', async () => {
  const parts = setUp();
  await leave(parts, { hostname: 'elsewhere', pid: 1 });
  await using alive = await ResponseQueue.open(parts.context);
  await parts.clock.advance(HOUR_MS - 1);
  assert.deepEqual(await collectStaleResponseQueues(parts.context), []);
  await parts.clock.advance(1);
  assert.deepEqual(await collectStaleResponseQueues(parts.context), [stableName]);
  assert.deepEqual(await parts.names(), [alive.queue.name]);
  await using again = await ResponseQueue.open(parts.context, '0');
  assert.equal(again.queue.name, stableName);
});
