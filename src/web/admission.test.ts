import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { doneResult } from '../../test/support/fake-worker.ts';
import { MemoryQueueService } from '../../test/support/memory-queue.ts';
import { UnavailableError } from '../errors.ts';
import type { JobRecord } from '../jobs/job.ts';
import { silentLogger } from '../logger.ts';
import { Admission } from './admission.ts';

const record: JobRecord = {
  version: 1,
  jobId: '01890000-0000-7000-8000-000000000001',
  inputKey: 'k',
  fileName: 'a.jpg',
  contentType: 'image/jpeg',
  sha256: '',
  sizeBytes: 1,
  submittedAt: 0,
  traceId: '',
  dialect: 'native',
  task: { kind: 'recognise' },
};
const oneSecond = { ...doneResult(record), timings: { queueMs: 99_999, detectMs: 600, embedMs: 400 } };

async function setUp() {
  const clock = new FakeClock();
  const queues = new MemoryQueueService({ clock });
  const requests = await queues.ensure('requests');
  const capacity = { maxWorkers: 2, concurrency: 5, bootSeconds: 10 };
  const admission = new Admission({ requests, clock, logger: silentLogger, capacity, horizonSeconds: 60 });
  return { admission, queues, requests, clock };
}

test('until it has seen a result it takes everything', async () => {
  const { admission, requests } = await setUp();
  await requests.sendBatch(Array.from({ length: 10_000 }, () => '{}'));
  using _ticket = await admission.admit('somebody');
});

test('it takes what the largest fleet can do in time and no more, and says when to come again', async () => {
  const { admission, requests, clock } = await setUp();
  admission.learn(oneSecond);
  // Ten at once, one second each, 60 s less 10 s of boot: 500 jobs.
  await requests.sendBatch(Array.from({ length: 499 }, () => '{}'));
  for (let count = 0; count < 3; count++) (await admission.admit('somebody'))[Symbol.dispose]();
  admission.accepted();
  await assert.rejects(admission.admit('somebody'), { status: 503, headers: { 'Retry-After': '1' } });
  await requests.sendBatch(Array.from({ length: 200 }, () => '{}'));
  await clock.advance(1000);
  await assert.rejects(admission.admit('somebody'), { status: 503, headers: { 'Retry-After': '20' } });
});

test('service time follows the results, without the time in the queue', async () => {
  const { admission } = await setUp();
  assert.equal(admission.serviceSeconds, undefined);
  admission.learn(oneSecond);
  assert.equal(admission.serviceSeconds, 1);
  for (let count = 0; count < 200; count++) admission.learn(doneResult(record));
  assert.ok((admission.serviceSeconds ?? 1) < 0.02);
});

test('a queue whose depth cannot be read refuses nobody', async () => {
  const { admission, queues } = await setUp();
  admission.learn(oneSecond);
  queues.failNext('depth', new UnavailableError('told to'));
  using _ticket = await admission.admit('somebody');
});

test('a caller with two thousand open requests is 429 until one is answered; others are not', async () => {
  const { admission } = await setUp();
  const tickets = await Promise.all(Array.from({ length: 2000 }, () => admission.admit('greedy')));
  await assert.rejects(admission.admit('greedy'), { status: 429 });
  using _other = await admission.admit('modest');
  tickets[0]?.[Symbol.dispose]();
  using _again = await admission.admit('greedy');
});
