import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';

import { eventually } from '../../test/support/eventually.ts';
import { doneResult, failedResult } from '../../test/support/fake-worker.ts';
import { MemoryDeployment } from '../../test/support/memory-deployment.ts';
import { formOf, pictureOf, WebService } from '../../test/support/web-service.ts';
import { FacefleetError, UnavailableError } from '../errors.ts';
import type { JobErrorCode } from '../jobs/job.ts';
import { JobClient } from '../jobs/job-client.ts';
import { queueNames } from '../jobs/keys.ts';
import { ensureJobQueues } from '../jobs/queues.ts';
import { createApp } from './app.ts';

const paul = pictureOf('Paul');
/** Nobody works and nobody is waited for. */
const IMPATIENT = { recognise: false, waits: { plainSeconds: 0.05, versionedSeconds: 0.05 } } as const;

async function problemOf(response: Response): Promise<Record<string, unknown>> {
  assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/);
  const problem = (await response.json()) as Record<string, unknown>;
  assert.equal(problem.status, response.status);
  return problem;
}

for (const dialect of ['native', 'course']) {
  test(`${dialect}: POST / answers the stem and the name of the largest face, and nothing else`, async () => {
    await using service = await WebService.start({ flags: { dialect } });
    const response = await service.post('/', formOf(paul, 'test_00.jpg'));
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'text/plain; charset=utf-8');
    assert.equal(await response.text(), 'test_00:Paul');
  });

  test(`${dialect}: of 100 clients at once that upload pictures of one name, each gets its own answer`, async () => {
    await using service = await WebService.start({ flags: { dialect } });
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const response = await service.post('/', formOf(pictureOf(`Person ${index}`)));
        return response.text();
      }),
    );
    assert.deepEqual(
      answers,
      answers.map((_, index) => `test_00:Person ${index}`),
    );
  });
}

test('in the course dialect the first of a name gets it, others get their job id beside it', async () => {
  await using service = await WebService.start({ flags: { dialect: 'course' } });
  const post = async (picture: Buffer, name: string) => {
    const response = await service.post('/', formOf(picture, name));
    assert.match(await response.text(), /^a:P/);
    return response.headers.get('x-job-id');
  };
  await post(pictureOf('P1'), 'a.jpg');
  const other = await post(pictureOf('P2'), 'a.jpg');
  const extension = await post(pictureOf('P1'), 'a.png');
  await post(pictureOf('P1'), 'a.jpg');
  assert.deepEqual(service.deployment.input.keys, ['a.jpg', `a~${other}.jpg`, `a~${extension}.png`].sort());
  assert.deepEqual(service.deployment.output.keys, ['a', `a~${other}`, `a~${extension}`].sort());
});

test('nobody known and no face are both unknown', async () => {
  await using service = await WebService.start({
    recognise: (record) =>
      record.fileName === 'none.jpg' ? doneResult(record) : doneResult(record, null, 'Paul'),
  });
  assert.equal(await (await service.post('/', formOf(paul, 'none.jpg'))).text(), 'none:unknown');
  assert.equal(await (await service.post('/', formOf(paul, 'some.jpg'))).text(), 'some:unknown');
});

test('stems are what is before the last dot, whatever the name', async () => {
  await using service = await WebService.start();
  const stems = {
    'a.b.jpg': 'a.b',
    plain: 'plain',
    '.hidden': '.hidden',
    'spaces and ünïcode 漢字 ☺.jpeg': 'spaces and ünïcode 漢字 ☺',
    '../../etc/passwd.jpg': 'passwd',
    'C:\\pictures\\me.png': 'me',
    "'; rm -rf ~;.jpg": "'; rm -rf ~;",
  };
  for (const [name, stem] of Object.entries(stems)) {
    assert.equal(await (await service.post('/', formOf(paul, name))).text(), `${stem}:Paul`);
  }
});

test('POST / tells everything to who accepts JSON, and so does /v1/recognitions, of a form or raw bytes', async () => {
  await using service = await WebService.start();
  const accept = { accept: 'application/json' };
  const raw = { method: 'POST', body: new Uint8Array(paul), headers: { 'content-type': 'image/jpeg' } };
  const responses = [
    await service.post('/', formOf(paul), accept),
    await service.post('/v1/recognitions', formOf(paul)),
    await service.fetch('/v1/recognitions?topK=5', raw),
  ];
  for (const response of responses) {
    assert.equal(response.status, 200);
    const result = (await response.json()) as Record<string, unknown> & {
      faces: { person: { name: string } }[];
    };
    assert.equal(result.jobId, response.headers.get('x-job-id'));
    assert.equal(result.faces[0]?.person.name, 'Paul');
    for (const name of ['picture', 'timings', 'packId', 'galleryVersion']) assert.ok(name in result, name);
  }
});

test('a wish for an asynchronous answer gives 202 and a job URL that turns from 202 to 200', async () => {
  await using service = await WebService.start({ recognise: false });
  const headers = { prefer: 'respond-async' };
  const response = await service.post('/v1/recognitions', formOf(paul), headers);
  assert.equal(response.status, 202);
  assert.equal(response.headers.get('preference-applied'), 'respond-async');
  const { jobId, status } = (await response.json()) as { jobId: string; status: string };
  const location = response.headers.get('location') ?? '';
  assert.equal(location, `/v1/jobs/${jobId}`);
  assert.equal(status, 'pending');

  const pending = await service.fetch(location);
  assert.equal(pending.status, 202);
  assert.equal(((await pending.json()) as { status: string }).status, 'pending');

  const { FakeWorker } = await import('../../test/support/fake-worker.ts');
  await using _worker = await FakeWorker.start(service.deployment, (record) => doneResult(record, 'Paul'));
  const done = await eventually('the job is done', async () => {
    const answer = await service.fetch(location);
    return answer.status === 200 && answer;
  });
  assert.equal(((await done.json()) as { jobId: string }).jobId, jobId);
});

test('a wait that runs out is 202 under /v1 and 504 with the job id under /', async () => {
  await using service = await WebService.start(IMPATIENT);
  const versioned = await service.post('/v1/recognitions', formOf(paul));
  assert.equal(versioned.status, 202);
  const plain = await service.post('/', formOf(paul));
  assert.equal(plain.status, 504);
  const jobId = plain.headers.get('x-job-id') ?? '';
  assert.match(await plain.text(), new RegExp(`^504 .*${jobId}\n$`));
  assert.equal((await service.fetch(`/v1/jobs/${jobId}`)).status, 202);
});

test('whoever asks for a job may wait for it', async () => {
  await using service = await WebService.start({ recognise: false });
  const response = await service.post('/v1/recognitions', formOf(paul), { prefer: 'respond-async' });
  const path = response.headers.get('location') ?? '';
  const waiting = service.fetch(path, { headers: { prefer: 'wait=30' } });
  const { FakeWorker } = await import('../../test/support/fake-worker.ts');
  await using _worker = await FakeWorker.start(service.deployment);
  assert.equal((await waiting).status, 200);
});

test('what a worker could not do is told as what it is', async () => {
  let code: JobErrorCode = 'bad-image';
  await using service = await WebService.start({ recognise: (record) => failedResult(record, code) });
  const expected: [JobErrorCode, number][] = [
    ['bad-image', 415],
    ['too-large', 413],
    ['poison', 422],
    ['erased', 410],
    ['internal', 500],
    ['dead-letter', 500],
  ];
  for (const [failure, status] of expected) {
    code = failure;
    const versioned = await service.post('/v1/recognitions', formOf(paul));
    assert.equal(versioned.status, status, failure);
    const { jobId } = await problemOf(versioned);
    const plain = await service.post('/', formOf(paul));
    assert.equal(plain.status, status, failure);
    assert.match(await plain.text(), /^[^\n]+\n$/);
    const job = await service.fetch(`/v1/jobs/${jobId}`);
    assert.equal(job.status, 200);
    assert.equal(((await job.json()) as { error: { code: string } }).error.code, failure);
  }
});

test('422 when a face was asked for and there is none', async () => {
  await using service = await WebService.start();
  const nobody = formOf(pictureOf(''));
  assert.equal((await service.post('/v1/recognitions', nobody)).status, 200);
  const response = await service.post('/v1/recognitions?requireFace=true', nobody);
  assert.equal(response.status, 422);
  await problemOf(response);
});

test('400 and 415 for uploads that are none, before anything is queued', async () => {
  await using service = await WebService.start();
  const two = formOf(paul);
  two.append('inputFile', new Blob([new Uint8Array(paul)]), 'second.jpg');
  const text = new FormData();
  text.set('inputFile', 'not a file');
  const many = formOf(paul);
  for (let index = 0; index < 40; index++) many.set(`field${index}`, 'x');
  const cases: [string, number, RequestInit][] = [
    ['no body', 400, {}],
    ['empty form', 400, { body: new FormData() }],
    ['another field', 400, { body: formOf(paul, 'a.jpg', 'file') }],
    ['a text field', 400, { body: text }],
    ['two files', 400, { body: two }],
    ['too many fields', 400, { body: many }],
    ['no bytes', 400, { body: formOf(Buffer.alloc(0)) }],
    ['a name that is too long', 400, { body: formOf(paul, `${'x'.repeat(252)}.jpg`) }],
    ['a form without a boundary', 400, { body: 'x', headers: { 'content-type': 'multipart/form-data' } }],
    [
      'a form cut off',
      400,
      { body: '--b\r\n', headers: { 'content-type': 'multipart/form-data; boundary=b' } },
    ],
    ['renamed text', 415, { body: formOf(Buffer.from('hello'), 'a.jpg') }],
    ['SVG', 415, { body: formOf(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'a.jpg') }],
    ['JSON', 415, { body: '{}', headers: { 'content-type': 'application/json' } }],
  ];
  for (const [what, status, init] of cases) {
    for (const path of ['/', '/v1/recognitions']) {
      const response = await service.fetch(path, { method: 'POST', ...init });
      assert.equal(response.status, status, `${what}: ${path}`);
      if (path === '/') assert.match(await response.text(), /^4\d\d [^\n]+\n$/);
      else await problemOf(response);
    }
  }
  assert.deepEqual(service.deployment.input.keys, []);
});

test('further fields and files beside the picture are ignored', async () => {
  await using service = await WebService.start();
  const form = new FormData();
  form.set('comment', 'x'.repeat(10_000));
  form.set('other', new Blob(['y'.repeat(50_000)]), 'other.txt');
  form.set('inputFile', new Blob([new Uint8Array(paul)]), 'test_07.jpg');
  form.set('after', 'z');
  assert.equal(await (await service.post('/', form)).text(), 'test_07:Paul');
});

test('413 from one byte over the limit, however the length is told', async () => {
  await using service = await WebService.start({ flags: { 'max-upload-mb': '1' } });
  const limit = 1024 * 1024;
  const raw = (body: Uint8Array<ArrayBuffer> | ReadableStream) =>
    service.fetch('/v1/recognitions', {
      method: 'POST',
      body,
      headers: { 'content-type': 'image/jpeg' },
      duplex: 'half',
    } as RequestInit);
  assert.equal((await service.post('/', formOf(pictureOf('Paul', limit)))).status, 200);
  assert.equal((await service.post('/', formOf(pictureOf('Paul', limit + 1)))).status, 413);
  assert.equal((await service.post('/', formOf(pictureOf('Paul', 3 * limit)))).status, 413);
  assert.equal((await raw(new Uint8Array(pictureOf('Paul', limit)))).status, 200);
  await problemOf(await raw(new Uint8Array(pictureOf('Paul', limit + 1))));
  const stream = new Blob([new Uint8Array(pictureOf('Paul', 3 * limit))]).stream();
  assert.equal((await raw(stream)).status, 413);
  assert.equal(service.deployment.input.keys.length, 2);
});

test('404 and 405 with Allow, in the style of the address', async () => {
  await using service = await WebService.start();
  for (const [path, status] of [
    ['/nothing', 404],
    ['/v1', 404],
    ['/v1/nothing', 404],
    ['/v1/jobs/x/y', 404],
    ['/v1/jobs/..%2f..', 404],
    [`/v1/jobs/${crypto.randomUUID()}`, 404],
    ['/v1/jobs/%zz', 400],
  ] as const) {
    const response = await service.fetch(path);
    assert.equal(response.status, status, path);
    if (path.startsWith('/v1')) await problemOf(response);
    else assert.match(await response.text(), /^404 [^\n]+\n$/);
  }
  for (const [path, method, allow] of [
    ['/', 'PUT', 'GET, HEAD, POST'],
    ['/v1/recognitions', 'GET', 'POST'],
    ['/v1/jobs/x', 'DELETE', 'GET, HEAD'],
    ['/healthz', 'POST', 'GET, HEAD'],
    ['/readyz', 'POST', 'GET, HEAD'],
    ['/version', 'POST', 'GET, HEAD'],
  ] as const) {
    const response = await service.fetch(path, { method });
    assert.equal(response.status, 405, path);
    assert.equal(response.headers.get('allow'), allow);
  }
});

test('queries that make no sense are 400', async () => {
  await using service = await WebService.start();
  for (const query of ['topK=0', 'topK=101', 'topK=x', 'requireFace=perhaps']) {
    const response = await service.post(`/v1/recognitions?${query}`, formOf(paul));
    assert.equal(response.status, 400, query);
  }
});

test('an idempotency key attaches to its job, and is 422 with another body', async () => {
  await using service = await WebService.start();
  const headers = { 'idempotency-key': 'order 66' };
  const first = await service.post('/', formOf(paul), headers);
  const again = await service.post('/', formOf(paul), headers);
  assert.equal(await again.text(), 'test_00:Paul');
  assert.equal(again.headers.get('x-job-id'), first.headers.get('x-job-id'));
  assert.equal((await service.post('/', formOf(pictureOf('Mary')), headers)).status, 422);
  assert.equal((await service.post('/', formOf(paul, 'other.jpg'), headers)).status, 422);
  assert.equal((await service.post('/', formOf(paul), { 'idempotency-key': 'x'.repeat(256) })).status, 400);
  const many = await Promise.all(
    Array.from({ length: 10 }, () =>
      service.post('/v1/recognitions', formOf(paul), { 'idempotency-key': 'k' }),
    ),
  );
  assert.equal(new Set(many.map((response) => response.headers.get('x-job-id'))).size, 1);
  assert.ok(many.every(({ status }) => status === 200));
});

test('503 with Retry-After when queue or bucket do not answer', async () => {
  await using service = await WebService.start();
  const { input, queues } = service.deployment;
  input.failNext('put', new UnavailableError('told to'));
  const noBucket = await service.post('/', formOf(paul));
  queues.failNext('send', new UnavailableError('told to'));
  const noQueue = await service.post('/v1/recognitions', formOf(paul));
  for (const response of [noBucket, noQueue]) {
    assert.equal(response.status, 503);
    assert.ok(Number(response.headers.get('retry-after')) > 0);
  }
});

test('503 with Retry-After when more waits than the largest fleet can do in time', async () => {
  await using service = await WebService.start({ flags: { 'max-workers': '2' } });
  // One answer teaches the service time of 13 ms: 290 s with two workers are some 44 000 jobs.
  assert.equal((await service.post('/', formOf(paul))).status, 200);
  await service.worker?.[Symbol.asyncDispose]();
  const requests = service.deployment.queues.open(queueNames('facefleet').requests);
  const fill = (count: number) => requests.sendBatch(Array.from({ length: count }, () => '{}'));
  await fill(30_000);
  const accepted = await service.post('/v1/recognitions', formOf(paul), { prefer: 'respond-async' });
  assert.equal(accepted.status, 202);
  await fill(30_000);
  const refused = await eventually('the new depth is seen', async () => {
    const response = await service.post('/v1/recognitions', formOf(paul), { prefer: 'respond-async' });
    return response.status === 503 && response;
  });
  const retryAfter = Number(refused.headers.get('retry-after'));
  assert.ok(retryAfter > 50 && retryAfter < 200, `${retryAfter}`);
});

test('an unforeseen failure is 500 and keeps its secrets', async () => {
  await using service = await WebService.start();
  service.deployment.input.failNext('put', new Error('password is swordfish'));
  const response = await service.post('/', formOf(paul));
  assert.equal(response.status, 500);
  assert.doesNotMatch(await response.text(), /swordfish/);
});

test('the trace id is taken over, or made, and told', async () => {
  await using service = await WebService.start();
  const traceId = 'ab'.repeat(16);
  const traced = await service.post('/', formOf(paul), { traceparent: `00-${traceId}-${'cd'.repeat(8)}-01` });
  assert.equal(traced.headers.get('x-trace-id'), traceId);
  for (const traceparent of ['nonsense', `00-${'0'.repeat(32)}-${'cd'.repeat(8)}-01`]) {
    const response = await service.fetch('/healthz', { headers: { traceparent } });
    assert.match(response.headers.get('x-trace-id') ?? '', /^(?!0+$)[0-9a-f]{32}$/);
  }
});

test('health, readiness, version and the page', async () => {
  await using service = await WebService.start();
  assert.equal((await service.fetch('/healthz')).status, 200);
  assert.equal((await service.fetch('/readyz')).status, 200);
  const version = (await (await service.fetch('/version')).json()) as { version: string };
  assert.match(version.version, /^\d+\.\d+\.\d+/);
  const page = await service.fetch('/');
  assert.match(page.headers.get('content-type') ?? '', /^text\/html/);
  assert.match(await page.text(), /inputFile/);
  assert.equal((await service.fetch('/', { method: 'HEAD' })).status, 200);
});

test('not ready while the broker or a bucket does not answer', async () => {
  await using service = await WebService.start();
  service.deployment.state.failNext('head', new UnavailableError('told to'), { key: 'readiness-probe' });
  const response = await service.fetch('/readyz');
  assert.equal(response.status, 503);
  assert.deepEqual(await response.json(), {
    status: 'not ready',
    checks: { queue: 'ok', input: 'ok', output: 'ok', state: 'failed' },
  });
});

test('the application works on any server', async () => {
  await using deployment = new MemoryDeployment();
  await using client = await JobClient.open(deployment);
  const server = createServer(createApp({ deployment, client })).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/healthz`);
  assert.equal(response.status, 200);
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

test('what only the operator can mend is 503 to the client, who may repeat: keys that ran out, a queue that was deleted', async () => {
  await using service = await WebService.start({ recognise: false });
  const { deployment } = service;
  const refused = new FacefleetError('permission-denied', 'the temporary credentials have expired; sign in');
  const requests = queueNames(deployment.loaded.config.prefix).requests;
  const troubles: [string, () => unknown][] = [
    ['the picture cannot be stored', () => deployment.input.failNext('put', refused)],
    ['the message cannot be sent', () => deployment.queues.failNext('send', refused, { queue: requests })],
    ['the queue is gone', () => deployment.queues.remove(requests)],
  ];
  for (const [name, trouble] of troubles) {
    await trouble();
    const response = await service.post('/', formOf(paul));
    assert.equal(response.status, 503, name);
    assert.ok(Number(response.headers.get('retry-after')) > 0, name);
    assert.doesNotMatch(await response.text(), /credentials|queue/, 'strangers learn nothing of our account');
  }
  await ensureJobQueues(deployment.queues, deployment.loaded.config);
  const headers = { prefer: 'respond-async' };
  assert.equal((await service.post('/v1/recognitions', formOf(paul), headers)).status, 202);
});
