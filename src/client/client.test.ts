import assert from 'node:assert/strict';
import { test } from 'node:test';

import { allRoutes } from '../../scripts/all-routes.ts';
import { PeopleService } from '../../test/support/people-service.ts';
import { WatchedService } from '../../test/support/watched-service.ts';
import { pictureOf, WebService } from '../../test/support/web-service.ts';
import {
  doneOrThrow,
  FacefleetApiError,
  FacefleetClient,
  FacefleetJobError,
  GalleryClient,
  OPERATIONS,
} from './index.ts';

/** Notes which operations were asked for. */
class Recorder {
  readonly operations = new Set<string>();

  readonly fetch: typeof fetch = (input, init) => {
    const { pathname } = new URL(String(input));
    const found = Object.entries(OPERATIONS).find(
      ([, { method, path }]) => method === (init?.method ?? 'GET') && patternOf(path).test(pathname),
    );
    this.operations.add(found?.[0] ?? `unknown: ${init?.method} ${pathname}`);
    return fetch(input, init);
  };
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
}

const picture = (words: string) => new Uint8Array(pictureOf(words));

test('every operation has a method of its name', async () => {
  const ids = (await allRoutes()).map(({ contract }) => contract.id);
  assert.deepEqual(Object.keys(OPERATIONS), ids);
  const lacking = ids.filter((id) => {
    const ofGallery = id.endsWith('InGallery');
    const owner = ofGallery ? GalleryClient : FacefleetClient;
    return !(id.replace(/InGallery$/, '') in owner.prototype);
  });
  assert.deepEqual(lacking, []);
});

test('every operation is reached through its method, on a real web tier that checks its answers', async () => {
  const recorder = new Recorder();
  {
    await using service = await PeopleService.start();
    const client = new FacefleetClient({ url: service.web.tier.url, fetch: recorder.fetch });
    await usePeople(client);
    await client.createGallery('club');
    await usePeople(client.gallery('club'));
    await useTheRest(client);
    await client.removeGallery('club');
  }
  {
    await using service = await WatchedService.start();
    await useBatches(new FacefleetClient({ url: service.web.tier.url, fetch: recorder.fetch }));
  }
  {
    // Nobody works here, so a job can be cancelled.
    await using service = await WebService.start({ recognise: false });
    const client = new FacefleetClient({ url: service.tier.url, fetch: recorder.fetch });
    const { jobId } = await client.startRecognition(picture('ada'));
    const cancelled = await client.cancelJob(jobId);
    assert.equal(cancelled.error.code, 'cancelled');
    assert.throws(() => doneOrThrow(cancelled), FacefleetJobError);
    await client.gallery('default').createBatch([picture('ada')]);
    const batch = await client.createBatch([picture('ada')]);
    assert.equal((await client.cancelBatch(batch.batchId)).status, 'cancelling');
  }
  const expected = (await allRoutes()).map(({ contract }) => contract.id);
  assert.deepEqual([...recorder.operations].sort(), [...expected].sort());
});

async function usePeople(gallery: GalleryClient): Promise<void> {
  const { person: ada } = await gallery.createPerson({ name: 'Ada' });
  const { person: bob } = await gallery.createPerson({ name: 'Bob', externalId: 'b-1' });
  const added = await gallery.addFaces(ada.id, [
    { picture: picture('ada'), fileName: 'ada.jpg', externalId: 'first' },
    { picture: picture('ada bob'), fileName: 'both.jpg' },
  ]);
  assert.deepEqual(
    added.pictures.map(({ verdict, externalId }) => [verdict, externalId]),
    [
      ['enrolled', 'first'],
      ['several-faces', null],
    ],
  );
  const seen = await gallery.recognise(picture('ada stranger'), { topK: 1 });
  assert.deepEqual(
    seen.faces.map(({ person }) => person?.name),
    ['Ada', undefined],
  );
  const job = await gallery.startRecognition(picture('bob'));
  const client = gallery instanceof FacefleetClient ? gallery : undefined;
  if (client !== undefined) doneOrThrow(await client.waitForJob(job.jobId));
  const named = await gallery.addFaces(bob.id, { jobId: seen.jobId, face: 1 }, { force: true });
  assert.equal(named.pictures[0]?.verdict, 'enrolled');

  assert.deepEqual((await gallery.listPeople({ limit: 1 })).people, [await gallery.getPerson(ada.id)]);
  const people: string[] = [];
  for await (const { name } of gallery.people({ limit: 1 })) people.push(name);
  assert.deepEqual(people, ['Ada', 'Bob']);
  assert.equal((await gallery.changePerson(ada.id, { externalId: 'a-1' })).externalId, 'a-1');
  for await (const face of gallery.faces(ada.id, { limit: 1 })) {
    const thumbnail = await gallery.getThumbnail(ada.id, face.id);
    assert.equal(thumbnail.type, 'image/jpeg');
    await gallery.moveFace(ada.id, face.id, bob.id);
  }
  const { faces } = await gallery.listFaces(bob.id);
  assert.equal(faces.length, 2);
  await gallery.eraseFace(bob.id, faces[0]!.id);
  assert.equal((await gallery.mergePerson(ada.id, bob.id)).name, 'Bob');
  const receipt = await gallery.erasePerson(bob.id);
  assert.equal(receipt.gallery, gallery.galleryName ?? 'default');
  const kinds = new Set<string>();
  for await (const { kind } of gallery.jobs({ limit: 2 })) kinds.add(kind);
  assert.ok(kinds.has('recognise'));
}

async function useTheRest(client: FacefleetClient): Promise<void> {
  assert.equal((await client.detect(picture('ada bob'))).faces.length, 2);
  const { comparison } = await client.compare(picture('ada'), picture('ada~2'));
  assert.equal(comparison?.pairs[0]?.isSamePerson, true);
  assert.equal(
    await client.nameLargestFace({ picture: picture('x'), fileName: 'test_00.jpg' }),
    'test_00:unknown',
  );
  const { jobId } = await client.startRecognition(picture('ada'));
  const events: string[] = [];
  for await (const event of client.followJob(jobId)) events.push(event.type);
  assert.equal(events.at(-1), 'done');
  assert.equal((await client.getJob(jobId, { waitSeconds: 5 })).status, 'done');

  assert.deepEqual((await client.listDeadLetters()).jobs, []);
  assert.deepEqual((await client.redriveDeadLetters('all')).done, []);
  assert.deepEqual((await client.dropDeadLetters(['nobody'])).missing, ['nobody']);
  assert.equal((await client.getFleet()).fleet.hasController, false);
  for await (const event of client.watchFleet()) if (event.type === 'sample') break;
  assert.equal((await client.startWorkload({ requests: 1 })).state, 'running');
  await client.stopWorkload();
  assert.notEqual((await client.getWorkload()).workload.state, 'none');

  assert.deepEqual(
    (await client.listGalleries()).map(({ name }) => name),
    ['default', 'club'],
  );
  const key = await client.createKey({ name: 'kiosk', scopes: ['recognise'] });
  assert.deepEqual(
    (await client.listKeys()).map(({ id }) => id),
    [key.id],
  );
  assert.equal((await client.revokeKey(key.id)).state, 'revoked');

  assert.equal((await client.getAccess()).gallery, null);
  assert.equal((await client.getHealth()).status, 'ok');
  assert.equal((await client.getReadiness()).status, 'ready');
  assert.equal((await client.getVersion()).name, 'facefleet');
  assert.match(await client.getMetrics(), /^# HELP/m);
  assert.equal((await client.getOpenApi()).openapi, '3.1.0');
  assert.match(await client.getDocs(), /<!doctype html>/i);
  assert.match(await client.getHome(), /<!doctype html>/i);
}

async function useBatches(client: FacefleetClient): Promise<void> {
  const named = ['Paul', 'Anna'].map((name) => ({ picture: picture(name), fileName: `${name}.jpg` }));
  const { batchId } = await client.createBatch(named, { topK: 2 });
  const names: string[] = [];
  for await (const line of client.getBatchResults(batchId, { follow: true })) {
    if (line.status !== 'gone') names.push(line.fileName);
  }
  assert.deepEqual(names, ['Paul.jpg', 'Anna.jpg']);
  const batch = await client.waitForBatch(batchId);
  assert.deepEqual([batch.status, batch.finished, batch.failed], ['done', 2, 0]);
  assert.equal((await client.getBatch(batchId)).total, 2);
}

test('an error carries the problem that the service told', async () => {
  await using service = await WebService.start();
  const client = new FacefleetClient({ url: `${service.tier.url}/` });
  await assert.rejects(client.recognise(picture('x'), { topK: 1000 }), (error: FacefleetApiError) => {
    assert.ok(error instanceof FacefleetApiError);
    assert.equal(error.status, 400);
    assert.deepEqual(
      error.problem?.errors?.map(({ in: place, field }) => [place, field]),
      [['query', 'topK']],
    );
    assert.match(error.traceId ?? '', /^[0-9a-f]{32}$/);
    return true;
  });
  await assert.rejects(client.getJob('nobody'), { status: 404 });
  const noPicture = { picture: new TextEncoder().encode('no picture'), fileName: 'a.jpg' };
  await assert.rejects(client.nameLargestFace(noPicture), { status: 415, problem: undefined });
});

test('a job that fails after the service stopped waiting is told as such', async () => {
  await using service = await PeopleService.start({ waits: { plainSeconds: 60, versionedSeconds: 0.001 } });
  const client = new FacefleetClient({ url: service.web.tier.url });
  assert.equal((await client.recognise(picture('ada'))).faces.length, 1);
  await assert.rejects(client.detect(picture(''), { requireFace: true }), { status: 422 });
});

test('a key is sent, and what it may not do is told', async () => {
  await using service = await WebService.start({ flags: { 'api-keys': 'sesame' } });
  const { url } = service.tier;
  await assert.rejects(new FacefleetClient({ url }).getVersion(), { status: 401 });
  const client = new FacefleetClient({ url, apiKey: 'sesame' });
  assert.equal((await client.getVersion()).name, 'facefleet');
  const key = await client.createKey({ name: 'kiosk', scopes: ['recognise'], requestsPerMinute: 2 });
  const kiosk = new FacefleetClient({ url, apiKey: key.key, retries: { longestPauseSeconds: 1 } });
  await assert.rejects(kiosk.listKeys(), { status: 403 });
  await kiosk.getVersion();
  const refusal = await kiosk.getVersion().catch((error: unknown) => error);
  assert.ok(
    refusal instanceof FacefleetApiError && refusal.status === 429,
    'a longer pause is not waited for',
  );
  assert.ok((refusal.retryAfterSeconds ?? 0) > 1);
});
