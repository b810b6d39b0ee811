import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PeopleService } from '../../../test/support/people-service.ts';
import { pictureOf } from '../../../test/support/web-service.ts';
import { FacefleetClient } from '../../client/index.ts';

const picture = (words: string) => new Uint8Array(pictureOf(words));

/** Clients with a key for one gallery each, and one for all. */
async function open(service: PeopleService) {
  const { url } = service.web.tier;
  const all = new FacefleetClient({ url });
  for (const name of ['club', 'office']) await all.createGallery(name);
  const boundTo = async (gallery: string) => {
    const { key } = await all.createKey({ name: gallery, scopes: ['recognise', 'enrol'], gallery });
    return new FacefleetClient({ url, apiKey: key });
  };
  return {
    all,
    club: await boundTo('club'),
    office: await boundTo('office'),
    main: await boundTo('default'),
  };
}

async function jobsOf(client: FacefleetClient, gallery: string): Promise<string[]> {
  const jobIds: string[] = [];
  for await (const { jobId } of client.gallery(gallery).jobs({ limit: 1 })) jobIds.push(jobId);
  return jobIds.sort();
}

test('each gallery lists its own jobs, failed ones too, and a key sees those of its gallery alone', async () => {
  await using service = await PeopleService.start();
  const { all, club, office, main } = await open(service);
  const inClub = [
    (await club.gallery('club').recognise(picture('ada'))).jobId,
    await club.gallery('club').recognise(picture('broken')).catch(jobOf),
  ].sort();
  const inOffice = [(await office.gallery('office').recognise(picture('ada'))).jobId];
  const inMain = [
    (await main.recognise(picture('ada'))).jobId,
    (await main.detect(picture('bob'))).jobId,
  ].sort();

  assert.deepEqual(await jobsOf(club, 'club'), inClub);
  assert.deepEqual(await jobsOf(office, 'office'), inOffice);
  assert.deepEqual(await jobsOf(main, 'default'), inMain);
  await assert.rejects(jobsOf(club, 'office'), { status: 403 });
  await assert.rejects(jobsOf(club, 'default'), { status: 403 });
  for (const client of [club, main]) await assert.rejects(client.listJobs(), { status: 403 });
  assert.equal((await all.listJobs()).jobs.length, 5);
  await assert.rejects(jobsOf(all, 'nowhere'), { status: 404 });
});

test('what is known by its id is nothing to a key of another gallery', async () => {
  await using service = await PeopleService.start();
  const { club, office, main } = await open(service);
  const { jobId } = await club.gallery('club').recognise(picture('ada'));
  const { batchId } = await club.gallery('club').createBatch([picture('ada')]);
  assert.equal((await club.getBatch(batchId)).galleryId?.startsWith('club.'), true);
  assert.equal((await club.getJob(jobId)).status, 'done');
  for (const stranger of [office, main]) {
    const calls = [
      () => stranger.getJob(jobId),
      () => stranger.cancelJob(jobId),
      () => stranger.followJob(jobId).next(),
      () => stranger.getBatch(batchId),
      () => stranger.cancelBatch(batchId),
      () => stranger.getBatchResults(batchId).next(),
    ];
    for (const call of calls) await assert.rejects(call(), { status: 404 });
  }
  const { person } = await main.createPerson({ name: 'Ada' });
  await assert.rejects(main.addFaces(person.id, { jobId, face: 0 }), { status: 404 });
  assert.equal((await club.cancelBatch(batchId)).status, 'cancelling');
});

function jobOf(error: unknown): string {
  const { jobId } = error as { jobId?: string };
  assert.ok(jobId, String(error));
  return jobId;
}

test('a gallery is found by the id that results name it by, as long as it is that one', async () => {
  await using service = await PeopleService.start();
  const client = new FacefleetClient({ url: service.web.tier.url });
  const { id } = await client.createGallery('club');
  await client.gallery(id).createPerson({ name: 'Ada' });
  assert.equal((await client.gallery('club').listPeople()).total, 1);
  assert.equal((await client.removeGallery(id)).people, 1);
  await client.createGallery('club');
  for (const gone of [id, 'club.', 'club.00000000', 'club.x.y'])
    await assert.rejects(client.gallery(gone).listPeople(), { status: 404 });
});

test('a key of idempotency that is none is refused, also with a person who comes without a picture', async () => {
  await using service = await PeopleService.start();
  const client = new FacefleetClient({ url: service.web.tier.url });
  await assert.rejects(client.createPerson({ name: 'Ada' }, { idempotencyKey: ' \u00e9' }), { status: 400 });
});
