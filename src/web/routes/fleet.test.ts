import assert from 'node:assert/strict';
import { test } from 'node:test';

import { eventually } from '../../../test/support/eventually.ts';
import { formOf, pictureOf, WebService } from '../../../test/support/web-service.ts';
import { encodeDeadLetter } from '../../jobs/dead-letter.ts';
import { queueNames } from '../../jobs/keys.ts';
import { encodeMessage } from '../../jobs/messages.ts';
import { EventReader, type StreamEvent } from '../../ui/event-reader.ts';
import type { WorkloadStatus } from '../fleet/workload-view.ts';

interface FleetAnswer {
  readonly fleet: { readonly hasController: boolean; readonly maxWorkers: number };
  readonly sample: {
    readonly waiting: number;
    readonly deadLetters: number;
    readonly latencyMs: { readonly p50: number } | null;
  };
}

/** Follows events until `isEnough`, then hangs up. */
async function eventsOf(
  service: WebService,
  isEnough: (events: StreamEvent[]) => boolean,
): Promise<StreamEvent[]> {
  const hangUp = new AbortController();
  const response = await service.fetch('/v1/fleet/events', { signal: hangUp.signal });
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  const reader = new EventReader();
  const events: StreamEvent[] = [];
  for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
    events.push(...reader.push(piece));
    if (isEnough(events)) break;
  }
  hangUp.abort();
  return events;
}

test('the fleet tells what waits, what was answered and what may run', async () => {
  await using service = await WebService.start({ flags: { 'max-workers': '3' } });
  await service.post('/', formOf(pictureOf('Ada')));
  const { fleet, sample } = (await (await service.fetch('/v1/fleet')).json()) as FleetAnswer;
  assert.equal(fleet.hasController, false);
  assert.equal(fleet.maxWorkers, 3);
  assert.equal(sample.waiting, 0);
  assert.ok(sample.latencyMs !== null);
});

test('events begin with what is known and go on by the second', async () => {
  await using service = await WebService.start();
  const events = await eventsOf(service, (seen) => seen.filter(({ type }) => type === 'sample').length >= 2);
  assert.deepEqual(events.map(({ type }) => type).slice(0, 3), ['history', 'fleet', 'sample']);
  const [first, second] = events
    .filter(({ type }) => type === 'sample')
    .map(({ data }) => JSON.parse(data).at as number);
  assert.ok(second! > first!);
});

test('streams end when the web tier closes, at once', async () => {
  const service = await WebService.start();
  const response = await service.fetch('/v1/fleet/events');
  const startedAt = performance.now();
  await Promise.all([service[Symbol.asyncDispose](), response.text()]);
  assert.ok(performance.now() - startedAt < 10_000, 'it did not wait for the streams');
});

test('the workload generator sends sample pictures, one run at a time', async () => {
  await using service = await WebService.start();
  const start = (order: object) =>
    service.fetch('/v1/workload', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(order),
    });
  const status = async () =>
    ((await (await service.fetch('/v1/workload')).json()) as { workload: WorkloadStatus }).workload;
  assert.equal((await status()).state, 'none');
  assert.equal((await start({ requests: 5000 })).status, 400);
  assert.equal((await start({ requests: 4, ratePerSecond: 50 })).status, 202);
  const finished = await eventually('the run is over', async () => {
    const now = await status();
    return now.state === 'running' ? undefined : now;
  });
  assert.equal(finished.state, 'finished');
  assert.equal(finished.answered, 4);
  assert.equal(finished.failed, 0);

  assert.equal((await start({ requests: 1000, ratePerSecond: 1 })).status, 202);
  assert.equal((await start({})).status, 409);
  assert.equal((await service.fetch('/v1/workload', { method: 'DELETE' })).status, 204);
  const stopped = await eventually('the run is stopped', async () => {
    const now = await status();
    return now.state === 'running' ? undefined : now;
  });
  assert.equal(stopped.state, 'stopped');
});

test('where others can reach the service nobody starts a workload', async () => {
  const flags = { host: '0.0.0.0', 'api-keys': 'a-key' };
  await using service = await WebService.start({ flags, recognise: false });
  const url = `http://127.0.0.1:${service.tier.port}/v1/workload`;
  const headers = { authorization: 'Bearer a-key', 'content-type': 'application/json' };
  const refused = await fetch(url, { method: 'POST', headers, body: '{}' });
  assert.equal(refused.status, 403);
  const { isAllowed } = (await (await fetch(url, { headers })).json()) as { isAllowed: boolean };
  assert.equal(isAllowed, false);
});

test('dead letters are listed, redriven and dropped', async () => {
  await using service = await WebService.start({ recognise: false });
  const { deployment } = service;
  const { prefix } = deployment.loaded.config;
  const pending = await service.post('/v1/recognitions', formOf(pictureOf('Ada')), {
    prefer: 'respond-async',
  });
  const { jobId } = (await pending.json()) as { jobId: string };
  const requests = deployment.queues.open(queueNames(prefix).requests);
  const [message] = await requests.receive({ max: 1, waitSeconds: 5, visibilityTimeoutSeconds: 30 });
  await requests.delete(message!.receipt);
  const graveyard = deployment.queues.open(queueNames(prefix).deadLetters);
  const gone = encodeMessage({
    version: 1,
    jobId: '019aa1b2-0000-7000-8000-000000000000',
    submittedAt: 1,
    deadline: 2,
    traceId: '1'.repeat(32),
  });
  await graveyard.send(
    encodeDeadLetter({ message: message!.body, reason: 'it killed two workers', diedAt: 1000 }),
  );
  await graveyard.send(encodeDeadLetter({ message: gone, reason: 'received too often', diedAt: 2000 }));

  const list = async () => (await (await service.fetch('/v1/dead-letters')).json()) as { jobs: object[] };
  const { jobs } = await list();
  assert.deepEqual(jobs[0], {
    jobId,
    fileName: 'test_00.jpg',
    reason: 'it killed two workers',
    diedAt: 1000,
  });
  assert.equal(jobs.length, 2);

  const act = async (verb: string, jobIds: unknown) => {
    const response = await service.fetch(`/v1/dead-letters/${verb}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jobIds }),
    });
    return (await response.json()) as { done: object[]; impossible: object[]; missing: string[] };
  };
  const redriven = await act('redrive', 'all');
  assert.equal(redriven.done.length, 1);
  assert.equal(redriven.impossible.length, 1, 'its picture is gone');
  assert.equal((await requests.depth()).visible, 1);
  assert.deepEqual((await act('drop', ['nobody'])).missing, ['nobody']);
  assert.equal((await act('drop', 'all')).done.length, 1);
  assert.equal((await list()).jobs.length, 0);
});
