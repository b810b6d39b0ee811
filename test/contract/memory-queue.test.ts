import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UnavailableError } from '../../src/errors.ts';
import { MemoryQueueService } from '../support/memory-queue.ts';
import { queueContract } from './queue.contract.ts';

queueContract('in memory', async () => {
  const queues = new MemoryQueueService();
  return { queues, [Symbol.asyncDispose]: () => queues[Symbol.asyncDispose]() };
});

test('the queue in memory fails the call it is told to fail, and only that', async () => {
  const queues = new MemoryQueueService();
  const queue = await queues.ensure('requests');
  await queues.ensure('responses');
  queues.failNext('send', new UnavailableError('told to'), { queue: 'requests' });
  await queues.open('responses').send('other queue');
  await assert.rejects(queue.send('first'), UnavailableError);
  await queue.send('second');
  assert.deepEqual(queues.bodies('requests'), ['second']);
});
