import assert from 'node:assert/strict';
import { test } from 'node:test';

import { eventually } from '../../../test/support/eventually.ts';
import { WatchedService } from '../../../test/support/watched-service.ts';
import { pictureOf, type WebService } from '../../../test/support/web-service.ts';
import { buildZip } from '../../../test/support/zip-builder.ts';
import { readOwedCall } from '../../webhooks/webhook.ts';

interface BatchAnswer {
  readonly batchId: string;
  readonly status: string;
  readonly total: number;
  readonly finished: number;
  readonly failed: number;
}

interface Line {
  readonly index: number;
  readonly jobId: string;
  readonly fileName: string;
  readonly status: string;
  readonly result: { readonly jobId: string };
}

const NAMES = ['Paul', 'Anna', 'Grace'];
const archive = (names: readonly string[] = NAMES) =>
  buildZip(names.map((name) => ({ name: `people/${name}.jpg`, content: pictureOf(name) })));

function post(
  service: WebService,
  body: Buffer | string,
  headers: Record<string, string> = {},
): Promise<Response> {
  const init = { method: 'POST', headers: { 'content-type': 'application/zip', ...headers } };
  return service.fetch('/v1/batches', {
    ...init,
    body: typeof body === 'string' ? body : new Uint8Array(body),
  });
}

async function accepted(response: Response): Promise<BatchAnswer> {
  assert.equal(response.status, 202);
  const batch = (await response.json()) as BatchAnswer;
  assert.equal(response.headers.get('location'), `/v1/batches/${batch.batchId}`);
  return batch;
}

async function linesOf(service: WebService, { batchId }: BatchAnswer, query = ''): Promise<Line[]> {
  const response = await service.fetch(`/v1/batches/${batchId}/results${query}`);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'application/x-ndjson; charset=utf-8');
  const lines = (await response.text()).split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as Line);
}

test('an archive is taken, worked off, and its results come in its order', async () => {
  await using service = await WatchedService.start();
  const batch = await accepted(await post(service.web, archive()));
  assert.equal(batch.total, 3);
  const lines = await linesOf(service.web, batch, '?follow=true');
  assert.deepEqual(
    lines.map(({ index, fileName, status }) => [index, fileName, status]),
    NAMES.map((name, index) => [index, `${name}.jpg`, 'done']),
  );
  assert.ok(lines.every(({ jobId, result }) => jobId === result.jobId));
  const done = await eventually('it is done', async () => {
    const response = await service.web.fetch(`/v1/batches/${batch.batchId}`);
    const answer = (await response.json()) as BatchAnswer;
    return answer.status === 'done' && answer;
  });
  assert.deepEqual({ finished: done.finished, failed: done.failed }, { finished: 3, failed: 0 });
  assert.deepEqual(await linesOf(service.web, batch, '?offset=2'), lines.slice(2));
  assert.deepEqual(await linesOf(service.web, batch, '?offset=3&follow=true'), []);
});

test('lines of pictures are taken as well, and what is no picture fails alone', async () => {
  await using service = await WatchedService.start();
  const line = (fileName: string, content: Buffer) =>
    JSON.stringify({ fileName, picture: content.toString('base64') });
  const body = [
    line('a.jpg', pictureOf('Paul')),
    line('b.jpg', Buffer.from('text')),
    line('', pictureOf('Anna')),
  ];
  const batch = await accepted(
    await post(service.web, body.join('\n'), { 'content-type': 'application/x-ndjson; charset=utf-8' }),
  );
  const lines = await linesOf(service.web, batch, '?follow=true');
  assert.deepEqual(
    lines.map(({ status }) => status),
    ['done', 'failed', 'done'],
  );
});

test('results end before the first that is not there, and go on from any place', async () => {
  await using service = await WatchedService.start({ works: false });
  const batch = await accepted(await post(service.web, archive()));
  assert.deepEqual(await linesOf(service.web, batch), []);
  const following = linesOf(service.web, batch, '?offset=1&follow=true');
  service.startWorker();
  assert.deepEqual(
    (await following).map(({ index }) => index),
    [1, 2],
  );
});

test('a repeat with the same key is the same batch, with another body it is refused', async () => {
  await using service = await WatchedService.start({ works: false });
  const headers = { 'idempotency-key': 'a-batch' };
  const one = await accepted(await post(service.web, archive(), headers));
  const other = await accepted(await post(service.web, archive(), headers));
  assert.equal(one.batchId, other.batchId);
  assert.equal((await post(service.web, archive(['Paul']), headers)).status, 422);
  assert.notEqual((await accepted(await post(service.web, archive()))).batchId, one.batchId);
});

test('what is not taken is told, and nothing of it is kept', async () => {
  await using service = await WatchedService.start({
    works: false,
    flags: { 'max-batch-mb': '1', 'max-upload-mb': '1' },
  });
  const { web } = service;
  const ndjson = { 'content-type': 'application/x-ndjson' };
  const cases: [number, RegExp, () => Promise<Response>][] = [
    [400, /no ZIP archive/, () => post(web, 'nothing of that kind')],
    [400, /empty/, () => post(web, Buffer.alloc(0))],
    [
      400,
      /encrypted/,
      () => post(web, buildZip([{ name: 'a.jpg', content: pictureOf('a'), isEncrypted: true }])),
    ],
    [400, /\.\.\/a\.jpg/, () => post(web, buildZip([{ name: '../a.jpg', content: pictureOf('a') }]))],
    [
      400,
      /line 2/,
      () => post(web, `${JSON.stringify({ picture: pictureOf('a').toString('base64') })}\nx`, ndjson),
    ],
    [413, /bytes/, () => post(web, buildZip([{ name: 'a.jpg', content: Buffer.alloc(3_000_000) }]))],
    [415, /application\/zip/, () => post(web, 'x', { 'content-type': 'text/plain' })],
  ];
  for (const [status, detail, send] of cases) {
    const problem = (await (await send()).json()) as { status: number; detail: string };
    assert.equal(problem.status, status, problem.detail);
    assert.match(problem.detail, detail);
  }
  const large = await post(web, Buffer.alloc(1_100_000));
  assert.equal(large.status, 413);
  await large.text();
  assert.deepEqual(web.deployment.input.keys, []);
  for (const path of [crypto.randomUUID(), 'x', `${crypto.randomUUID()}/results`]) {
    assert.equal((await web.fetch(`/v1/batches/${path}`)).status, 404, path);
  }
});

test('a batch is begun at once by a controller that has had none to look after', async () => {
  await using service = await WatchedService.start();
  const { state } = service.web.deployment;
  const looks = () =>
    state.calls.filter(({ operation, key }) => operation === 'list' && key === 'batches/').length;
  await eventually('a first look', () => looks() === 1);
  const { batchId } = await accepted(await post(service.web, archive()));
  const isDone = async () => {
    const response = await service.web.fetch(`/v1/batches/${batchId}`);
    return ((await response.json()) as BatchAnswer).status === 'done';
  };
  // By itself it would look after a minute.
  await eventually('it is done', isDone, 30);
});

test('a batch with a webhook owes a call from the moment that it is accepted', async () => {
  await using service = await WatchedService.start({ works: false });
  const headers = {
    'webhook-url': 'https://hooks.example/batches',
    'webhook-secret': 'a-secret-of-the-receiver',
  };
  const { batchId } = await accepted(await post(service.web, archive(), headers));
  const owed = await readOwedCall(service.web.deployment.state, batchId);
  assert.deepEqual([owed?.call.about, owed?.call.url], ['batch', headers['webhook-url']]);
  const wrong = await post(service.web, archive(), { ...headers, 'webhook-url': 'http://127.0.0.1/' });
  assert.equal(wrong.status, 400);
});

test('a batch that is cancelled ends as such, over HTTP', async () => {
  await using service = await WatchedService.start({ works: false });
  const { batchId } = await accepted(await post(service.web, archive()));
  const cancel = () => service.web.fetch(`/v1/batches/${batchId}/cancel`, { method: 'POST' });
  assert.equal((await cancel()).status, 200);
  const over = await eventually('it is cancelled', async () => {
    const response = await service.web.fetch(`/v1/batches/${batchId}`);
    const batch = (await response.json()) as BatchAnswer;
    return batch.status === 'cancelled' && batch;
  });
  assert.deepEqual([over.finished, over.failed], [3, 3]);
  assert.equal((await cancel()).status, 200, 'saying so twice is no error');
  assert.equal((await service.web.fetch('/v1/batches/none/cancel', { method: 'POST' })).status, 404);
});
