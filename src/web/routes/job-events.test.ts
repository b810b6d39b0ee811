import assert from 'node:assert/strict';
import { test } from 'node:test';

import { eventually } from '../../../test/support/eventually.ts';
import { doneResult, FakeWorker } from '../../../test/support/fake-worker.ts';
import { WatchedService } from '../../../test/support/watched-service.ts';
import { formOf, pictureOf, WebService } from '../../../test/support/web-service.ts';

interface Event {
  readonly id: string;
  readonly type: string;
  readonly data: Record<string, unknown>;
}

async function submit(service: WebService): Promise<string> {
  const headers = { prefer: 'respond-async' };
  const response = await service.post('/v1/recognitions', formOf(pictureOf('Paul')), headers);
  return ((await response.json()) as { jobId: string }).jobId;
}

/** Reads events until the stream ends, or `isEnough`. */
async function eventsOf(
  response: Response,
  isEnough: (event: Event) => boolean = () => false,
): Promise<Event[]> {
  const events: Event[] = [];
  let text = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const fields = new Map(
        text
          .slice(0, end)
          .split('\n')
          .map((line) => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]),
      );
      text = text.slice(end + 2);
      if (!fields.has('event')) continue;
      const event = {
        id: fields.get('id')!,
        type: fields.get('event')!,
        data: JSON.parse(fields.get('data')!),
      };
      events.push(event);
      if (isEnough(event)) return events;
    }
  }
  return events;
}

test('a job is followed from the queue over its stages to its result, and then the stream ends', async () => {
  await using service = await WatchedService.start({ works: false });
  const jobId = await submit(service.web);
  const response = await service.web.fetch(`/v1/jobs/${jobId}/events`);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  let worked = false;
  const events = await eventsOf(response, () => {
    if (!worked) service.startWorker();
    worked = true;
    return false;
  });
  assert.equal(events[0]?.type, 'queued');
  assert.equal(events.at(-1)?.type, 'done');
  assert.equal(events.at(-1)?.data.status, 'done');
  const ids = events.map(({ id }) => Number(id));
  assert.deepEqual(ids, [...new Set(ids)].sort(), 'in order, and each once');
  assert.ok(events.every(({ data }) => data.jobId === jobId));
});

test('the worker tells of its stages, of jobs that somebody may follow', async () => {
  await using service = await WatchedService.start({ works: false });
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  service.startWorker(() => held);
  const jobId = await submit(service.web);
  const events = await eventsOf(await service.web.fetch(`/v1/jobs/${jobId}/events`), ({ data }) => {
    if (data.stage === 'recognise') release();
    return false;
  });
  const told = events.map(({ type, data }) => [type, data.stage]);
  assert.deepEqual(told.at(-1), ['done', undefined]);
  assert.ok(told.some(([type, stage]) => type === 'stage' && stage === 'recognise'));
});

test('a stream goes on after the last event that was seen, and says when there is no more', async () => {
  await using service = await WebService.start({ recognise: false });
  const jobId = await submit(service);
  const [queued] = await eventsOf(await service.fetch(`/v1/jobs/${jobId}/events`), () => true);
  assert.ok(queued);
  await using _worker = await FakeWorker.start(service.deployment, (record) => doneResult(record, 'Paul'));
  const from = (id: string) =>
    service.fetch(`/v1/jobs/${jobId}/events`, { headers: { 'last-event-id': id } });
  const rest = await eventsOf(await from(queued.id));
  assert.deepEqual(
    rest.map(({ type }) => type),
    ['done'],
  );
  assert.equal((await from(rest[0]!.id)).status, 204);
});

test('a job that is cancelled ends its streams', async () => {
  await using service = await WebService.start({ recognise: false });
  const jobId = await submit(service);
  const response = await service.fetch(`/v1/jobs/${jobId}/events`);
  const events = eventsOf(response);
  await service.fetch(`/v1/jobs/${jobId}/cancel`, { method: 'POST' });
  const { error } = (await events).at(-1)!.data as { error: { code: string } };
  assert.equal(error.code, 'cancelled');
});

test('streams are bounded, those that end make room, and a web tier that stops ends them all', async () => {
  await using service = await WebService.start({ recognise: false });
  const jobId = await submit(service);
  const gone = new AbortController();
  const open = (signal = AbortSignal.timeout(60_000)) =>
    service.fetch(`/v1/jobs/${jobId}/events`, { signal });
  // Kept, since a response that nobody can read any more is given up when memory is tidied.
  const streams = [await open(gone.signal)];
  for (let number = 1; number < 100; number++) streams.push(await open());
  assert.ok(streams.every(({ status }) => status === 200));
  assert.equal((await open()).status, 429);
  gone.abort();
  await eventually('there is room again', async () => {
    const response = await open();
    if (response.status === 200) streams.push(response);
    return response.status === 200;
  });
  const ended = Promise.all(streams.slice(1).map((stream) => eventsOf(stream)));
  await service.tier[Symbol.asyncDispose]();
  assert.equal((await ended).length, 100);
});

test('of what is not there nobody is told', async () => {
  await using service = await WebService.start({ recognise: false });
  assert.equal((await service.fetch(`/v1/jobs/${crypto.randomUUID()}/events`)).status, 404);
});
