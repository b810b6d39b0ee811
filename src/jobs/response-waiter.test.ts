import assert from 'node:assert/strict';
import { test } from 'node:test';

import { eventually } from '../../test/support/eventually.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { MemoryDeployment } from '../../test/support/memory-deployment.ts';
import { NotFoundError, UnavailableError } from '../errors.ts';
import { encodeAnswer } from './messages.ts';
import { ResponseQueue } from './response-queue.ts';
import { ResponseWaiter } from './response-waiter.ts';

const HOUR_MS = 3_600_000;
const jobId = '01890000-0000-7000-8000-000000000001';
const answer = encodeAnswer({ version: 1, jobId, status: 'done' });

async function setUp() {
  const clock = new FakeClock();
  const deployment = new MemoryDeployment({ clock });
  const { state, queues, logger } = deployment;
  const responses = await ResponseQueue.open({ state, queues, clock, logger, prefix: 'facefleet' });
  const waiter = new ResponseWaiter({ responses, clock, logger });
  const dispose = async () => {
    await waiter[Symbol.asyncDispose]();
    await responses[Symbol.asyncDispose]();
  };
  return { clock, queues, responses, waiter, [Symbol.asyncDispose]: dispose };
}

test('an answer wakes all who wait for its job, and is deleted', async () => {
  await using parts = await setUp();
  const all = [parts.waiter.answered(jobId, HOUR_MS), parts.waiter.answered(jobId, HOUR_MS)];
  await parts.responses.queue.send(answer);
  await Promise.all(all);
  await eventually('it is deleted', () => parts.queues.bodies(parts.responses.queue.name).length === 0);
});

test('an answer that came too early is remembered, one for nobody harms nothing', async () => {
  await using parts = await setUp();
  await parts.responses.queue.send(answer);
  await eventually('it is read', () => parts.queues.bodies(parts.responses.queue.name).length === 0);
  await parts.waiter.answered(jobId, HOUR_MS);
});

test('what is no answer is dropped', async () => {
  await using parts = await setUp();
  const waiting = parts.waiter.answered(jobId, HOUR_MS);
  await parts.responses.queue.sendBatch(['nonsense', '{}', answer]);
  await waiting;
});

test('it reads on after the queue failed, and makes it again after somebody removed it', async () => {
  for (const error of [new UnavailableError('told to'), new NotFoundError('told to')]) {
    await using parts = await setUp();
    const { clock, queues, responses, waiter } = parts;
    const waiting = waiter.answered(jobId, HOUR_MS);
    if (error instanceof NotFoundError) await queues.remove(responses.queue.name);
    else queues.failNext('receive', error);
    // The poll under way ends, the next one fails, and half a second later it tries again.
    await clock.advance(21_000);
    await responses.queue.send(answer);
    await waiting;
  }
});

test('stopping wakes everybody', async () => {
  const parts = await setUp();
  const waiting = parts.waiter.answered(jobId, HOUR_MS);
  await parts[Symbol.asyncDispose]();
  await waiting;
  await parts.waiter.answered(jobId, HOUR_MS);
  assert.ok(parts.waiter.isStopped);
});
