import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';

import { eventually } from '../../test/support/eventually.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { doneResult, FakeWorker } from '../../test/support/fake-worker.ts';
import { MemoryDeployment } from '../../test/support/memory-deployment.ts';
import { formOf, pictureOf, readResponse, WebService } from '../../test/support/web-service.ts';
import { queueNames } from '../jobs/keys.ts';
import { startWebTier } from './web-tier.ts';

const paul = formOf(pictureOf('Paul'));

function queued(service: WebService): number {
  return service.deployment.queues.bodies(queueNames('facefleet').requests).length;
}

test('a port that is taken is named in the error', async () => {
  await using service = await WebService.start();
  const deployment = new MemoryDeployment({ flags: { port: String(service.tier.port) } });
  await assert.rejects(startWebTier({ deployment }), { code: 'conflict' });
});

test('draining lets nobody in, answers those who wait, then closes', async () => {
  const service = await WebService.start({ recognise: false });
  const waiting = service.post('/', paul);
  await eventually('the job is queued', () => queued(service) === 1);
  const closing = service.tier[Symbol.asyncDispose]();
  await assert.rejects(service.fetch('/healthz'));
  await using _worker = await FakeWorker.start(service.deployment, (record) => doneResult(record, 'Paul'));
  const response = await waiting;
  assert.equal(await response.text(), 'test_00:Paul');
  assert.equal(response.headers.get('connection'), 'close');
  await closing;
});

test('draining does not wait for ever: who still waits is told where to look', async () => {
  const clock = new FakeClock();
  const service = await WebService.start({ recognise: false, clock });
  const plain = service.post('/', paul);
  const versioned = service.post('/v1/recognitions', paul);
  await eventually('the jobs are queued', () => queued(service) === 2);
  const closing = service.tier[Symbol.asyncDispose]();
  await clock.advance(20_000);
  assert.equal((await plain).status, 504);
  assert.equal((await versioned).status, 202);
  await closing;
});

test('without a broker there is nothing to drain for', async () => {
  const clock = new FakeClock();
  const service = await WebService.start({ recognise: false, clock });
  const plain = service.post('/', paul);
  await eventually('the job is queued', () => queued(service) === 1);
  service.deployment.losing.abort();
  const closing = service.tier[Symbol.asyncDispose]();
  assert.equal((await plain).status, 504);
  await closing;
});

test('a client in the middle of its upload cannot hold the shutdown up', async () => {
  const clock = new FakeClock();
  const service = await WebService.start({ clock });
  const socket = service.connect();
  socket.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n');
  socket.write('Content-Length: 1000\r\n\r\n--b\r\n');
  await clock.untilSleeping(4);
  const closing = service.tier[Symbol.asyncDispose]();
  const closed = once(socket.resume(), 'close');
  await clock.advance(22_000);
  await closed;
  await closing;
});

test('what a web tier left behind is answered by the next', async () => {
  await using deployment = new MemoryDeployment();
  const first = await startWebTier({ deployment, waits: { plainSeconds: 0.05, versionedSeconds: 0.05 } });
  const headers = { 'idempotency-key': 'mine' };
  const post = (url: string) => fetch(`${url}/`, { method: 'POST', body: paul, headers });
  const unanswered = await post(first.url);
  assert.equal(unanswered.status, 504);
  await first[Symbol.asyncDispose]();
  await using second = await startWebTier({ deployment });
  await using _worker = await FakeWorker.start(deployment, (record) => doneResult(record, 'Paul'));
  const answered = await post(second.url);
  assert.equal(await answered.text(), 'test_00:Paul');
  assert.equal(answered.headers.get('x-job-id'), unanswered.headers.get('x-job-id'));
});

test('two web tiers of one id both get their answers', async () => {
  await using deployment = new MemoryDeployment();
  await using _worker = await FakeWorker.start(deployment, (record) => doneResult(record, 'Paul'));
  await using one = await startWebTier({ deployment });
  await using two = await startWebTier({ deployment });
  for (const { url } of [one, two, one, two]) {
    const response = await fetch(`${url}/`, { method: 'POST', body: paul });
    assert.equal(await response.text(), 'test_00:Paul');
  }
});

test('a client that goes away frees its waiter; its job goes on', async () => {
  await using service = await WebService.start({ recognise: false });
  const leaving = new AbortController();
  const lost = service.fetch('/', { method: 'POST', body: paul, signal: leaving.signal });
  await eventually('the job is queued', () => queued(service) === 1);
  leaving.abort();
  await assert.rejects(lost);
  await using worker = await FakeWorker.start(service.deployment);
  await eventually('the job is done', () => worker.jobIds.length === 1);
  // Were anybody still waiting, closing would take twenty seconds of draining.
  await service.tier[Symbol.asyncDispose]();
});

test('a connection that never completes its headers is closed', async () => {
  await using service = await WebService.start();
  const socket = service.connect();
  socket.write('POST / HTTP/1.1\r\nHost: localhost\r\n');
  socket.write('nonsense without a colon\r\n\r\n');
  assert.equal((await readResponse(socket))?.status, 400);
  assert.equal((await service.fetch('/healthz')).status, 200);
});

test('a refused upload is read to its end for a while, then cut off', async () => {
  const clock = new FakeClock();
  await using service = await WebService.start({ clock, flags: { 'max-upload-mb': '1' } });
  const socket = service.connect();
  socket.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n');
  socket.write(`Content-Length: ${10 ** 9}\r\n\r\n--b\r\n`);
  assert.equal((await readResponse(socket))?.status, 413);
  const closed = once(socket.resume(), 'close');
  await clock.advance(5000);
  await closed;
});

test('an idle web tier asks its buckets for next to nothing', async () => {
  const clock = new FakeClock();
  const deployment = new MemoryDeployment({ clock });
  await using _service = await WebService.start({ deployment, recognise: false });
  const calls = () =>
    [deployment.input, deployment.output, deployment.state].flatMap((bucket) => bucket.calls).length;
  // In the first it reads what it serves.
  await clock.advance(60_000);
  const before = calls();
  await clock.advance(60_000);
  assert.ok(calls() - before <= 3, `${calls() - before} calls in a minute; its lease is renewed three times`);
});
