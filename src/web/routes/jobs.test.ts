import assert from 'node:assert/strict';
import { test } from 'node:test';

import { WatchedService } from '../../../test/support/watched-service.ts';
import { formOf, pictureOf, WebService } from '../../../test/support/web-service.ts';

const ASYNC = { prefer: 'respond-async' };

interface Page {
  readonly jobs: readonly { readonly jobId: string; readonly status: string; readonly fileName: string }[];
  readonly nextCursor?: string;
}

async function submit(service: WebService, fileName = 'a.jpg'): Promise<string> {
  const response = await service.post('/v1/recognitions', formOf(pictureOf('Paul'), fileName), ASYNC);
  assert.equal(response.status, 202);
  return ((await response.json()) as { jobId: string }).jobId;
}

async function list(service: WebService, query = ''): Promise<Page> {
  const response = await service.fetch(`/v1/jobs${query}`);
  assert.equal(response.status, 200);
  return (await response.json()) as Page;
}

test('jobs are listed newest first, page by page, and by status', async () => {
  await using service = await WebService.start({ recognise: false });
  const made: string[] = [];
  for (const name of ['a.jpg', 'b.jpg', 'c.jpg']) made.push(await submit(service, name));
  const first = await list(service, '?limit=2');
  assert.deepEqual(
    first.jobs.map(({ fileName, status }) => [fileName, status]),
    [
      ['c.jpg', 'pending'],
      ['b.jpg', 'pending'],
    ],
  );
  assert.equal(first.nextCursor, made[1]);
  const second = await list(service, `?limit=2&cursor=${first.nextCursor}`);
  assert.deepEqual(
    second.jobs.map(({ jobId }) => jobId),
    [made[0]],
  );
  assert.equal(second.nextCursor, undefined);
  assert.deepEqual((await list(service, '?status=done')).jobs, []);
  for (const query of ['?limit=0', '?limit=1000', '?cursor=x', '?status=x', '?page=2']) {
    assert.equal((await service.fetch(`/v1/jobs${query}`)).status, 400, query);
  }
});

test('a cancelled job is told to whoever asks, waits or cancels again', async () => {
  await using service = await WebService.start({ recognise: false });
  const jobId = await submit(service);
  const waiting = service.fetch(`/v1/jobs/${jobId}`, { headers: { prefer: 'wait=30' } });
  const cancel = () => service.fetch(`/v1/jobs/${jobId}/cancel`, { method: 'POST' });
  for (const response of [await cancel(), await waiting, await cancel()]) {
    assert.equal(response.status, 200);
    const { status, error } = (await response.json()) as { status: string; error: { code: string } };
    assert.deepEqual({ status, code: error.code }, { status: 'failed', code: 'cancelled' });
  }
  assert.equal((await list(service, '?status=cancelled')).jobs[0]?.jobId, jobId);
  assert.deepEqual((await list(service, '?status=failed')).jobs, []);
  assert.equal(service.deployment.input.keys.length, 0, 'the picture is gone');
});

test('what is finished, or never was, cannot be cancelled', async () => {
  await using service = await WatchedService.start();
  const response = await service.web.post('/v1/recognitions', formOf(pictureOf('Paul')));
  const { jobId } = (await response.json()) as { jobId: string };
  const cancel = (id: string) => service.web.fetch(`/v1/jobs/${id}/cancel`, { method: 'POST' });
  assert.equal((await cancel(jobId)).status, 409);
  assert.equal((await cancel(crypto.randomUUID())).status, 404);
  assert.equal((await cancel('nothing')).status, 404);
  assert.equal((await list(service.web)).jobs[0]?.status, 'done');
});
