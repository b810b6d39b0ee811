import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { FolderObjectStore } from '../../src/adapters/local/folder-object-store.ts';
import { decodeEntry } from '../../src/gallery/entry.ts';
import { DEFAULT_GALLERY, galleryKeys } from '../../src/gallery/keys.ts';
import { eventually } from '../support/eventually.ts';
import { findSitters, pictureOf, type Sitter, samplePictures } from '../support/face-pictures.ts';
import { Service } from '../support/service.ts';

// The whole service as processes of its own, with real models, used as the page and other clients use it.

interface Answer<T> {
  readonly status: number;
  readonly body: T;
}
interface Person {
  readonly id: string;
  readonly name: string;
  readonly faces: number;
}
interface Enrolled {
  readonly pictures: { verdict: string; faceId: string | null; jobId: string | null; message: string }[];
}
interface Recognised {
  readonly jobId: string;
  readonly faces: { person: { id: string; name: string } | null; falseMatchRate: number | null }[];
}
interface Compared {
  readonly comparison: { pairs: { isSamePerson: boolean; falseMatchRate: number }[] };
}
interface Receipt {
  readonly counts: Record<string, number>;
  readonly objects: { key: string }[];
}

let service: Service;
let ada: Sitter;
let bob: Sitter;

before(async () => {
  service = await Service.start();
  const [first, second] = await findSitters(join(service.dataDir, 'models'));
  assert.ok(first !== undefined && second !== undefined);
  [ada, bob] = [first, second];
});
after(() => service[Symbol.asyncDispose]());

async function call<T>(method: string, path: string, body?: object): Promise<Answer<T>> {
  const response = await fetch(new URL(path, service.url), {
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  return { status: response.status, body: (await response.json()) as T };
}

async function send<T>(path: string, ...pictures: Buffer[]): Promise<Answer<T>> {
  const form = new FormData();
  for (const [at, picture] of pictures.entries())
    form.append('inputFile', new Blob([new Uint8Array(picture)]), `${at}.jpg`);
  const response = await fetch(new URL(path, service.url), { method: 'POST', body: form });
  return { status: response.status, body: (await response.json()) as T };
}

async function nameOn(picture: Buffer): Promise<string | undefined> {
  const { body } = await send<Recognised>('/v1/recognitions', picture);
  return body.faces[0]?.person?.name;
}

/** Files of the data folder that hold these bytes. */
function filesWith(bytes: Buffer): string[] {
  return readdirSync(service.dataDir, { recursive: true, encoding: 'utf8' })
    .map((name) => join(service.dataDir, name))
    .filter(
      (file) => statSync(file, { throwIfNoEntry: false })?.isFile() && readFileSync(file).includes(bytes),
    );
}

async function thumbnailOf(personId: string, faceId: string): Promise<Buffer> {
  const response = await fetch(new URL(`/v1/people/${personId}/faces/${faceId}/thumbnail`, service.url));
  return Buffer.from(await response.bytes());
}

/** The bytes of this person's templates, as the gallery's log has them. */
async function templatesIn(dataDir: string, personId: string): Promise<Buffer[]> {
  const bucket = join(dataDir, 'buckets', 'facefleet-state-bucket');
  const store = new FolderObjectStore({ bucket: 'state', folder: bucket, withLock: (_lock, work) => work() });
  const templates: Buffer[] = [];
  for await (const { key } of store.list({ prefix: galleryKeys(DEFAULT_GALLERY).logPrefix })) {
    const object = await store.get(key);
    const entry = object && (await decodeEntry(await object.bytes(), key));
    for (const op of entry?.ops ?? [])
      if (op.op === 'add-face' && op.personId === personId) templates.push(Buffer.from(op.vector.buffer));
  }
  return templates;
}

test('people are introduced, found, told apart and erased over HTTP', async () => {
  // Two at once from portraits, a third from a group that was recognised before.
  const { body } = await call<{ person: Person }>('POST', '/v1/people', { name: 'Ada of the test' });
  const her = body.person;
  const added = await send<Enrolled>(
    `/v1/people/${her.id}/faces`,
    ada.portrait,
    await pictureOf(ada, { seed: 1, sidePx: 200 }),
    readFileSync(samplePictures[0]!),
  );
  assert.deepEqual(
    added.body.pictures.map(({ verdict }) => verdict),
    ['enrolled', 'enrolled', 'several-faces'],
    JSON.stringify(added.body),
  );
  const unknown = await send<Recognised>('/v1/recognitions', bob.portrait);
  assert.equal(unknown.body.faces[0]?.person, null);
  const named = await call<{ person: Person; picture: Enrolled['pictures'][0] }>('POST', '/v1/people', {
    ...{ name: 'Bob', jobId: unknown.body.jobId, face: 0 },
  });
  assert.equal(named.body.picture?.verdict, 'enrolled', named.body.picture?.message);

  const [adaAgain, bobAgain] = [
    await pictureOf(ada, { seed: 2, sidePx: 160 }),
    await pictureOf(bob, { seed: 2, sidePx: 160 }),
  ];
  await eventually('both are found', async () => {
    return (await nameOn(adaAgain)) === her.name && (await nameOn(bobAgain)) === 'Bob';
  });
  const [same, different] = [
    await send<Compared>('/v1/comparisons', ada.portrait, adaAgain),
    await send<Compared>('/v1/comparisons', ada.portrait, bobAgain),
  ];
  assert.equal(same.body.comparison.pairs[0]?.isSamePerson, true);
  assert.equal(different.body.comparison.pairs[0]?.isSamePerson, false);
  assert.ok(
    same.body.comparison.pairs[0]!.falseMatchRate < different.body.comparison.pairs[0]!.falseMatchRate,
  );

  // "This is not Bob": the same picture is nobody from now on.
  const { body: bobs } = await call<{ faces: { id: string; thumbnail: string }[] }>(
    'GET',
    `/v1/people/${named.body.person.id}/faces`,
  );
  const thumbnail = await fetch(new URL(bobs.faces[0]!.thumbnail, service.url));
  assert.equal(thumbnail.headers.get('content-type'), 'image/jpeg');
  assert.equal((await thumbnail.bytes()).subarray(0, 2).toHex(), 'ffd8');
  const path = `/v1/people/${named.body.person.id}/faces/${bobs.faces[0]!.id}/move`;
  assert.equal((await call('POST', path, { to: null })).status, 200);
  await eventually('nobody is taken for Bob', async () => (await nameOn(bob.portrait)) === undefined);

  // A batch names her too, and so does a call that is owed for a picture of hers and never gets through.
  const line = JSON.stringify({ fileName: `${her.name}.jpg`, picture: adaAgain.toString('base64') });
  const batch = await fetch(new URL('/v1/batches', service.url), {
    method: 'POST',
    body: `${line}\n`,
    headers: { 'content-type': 'application/x-ndjson' },
  });
  const { batchId } = (await batch.json()) as { batchId: string };
  const results = await fetch(new URL(`/v1/batches/${batchId}/results?follow=true`, service.url));
  assert.ok((await results.text()).includes(`"name":"${her.name}"`));
  const owed = await fetch(new URL('/v1/recognitions', service.url), {
    method: 'POST',
    body: new Uint8Array(adaAgain),
    headers: {
      'content-type': 'image/jpeg',
      'webhook-url': 'https://nobody.invalid/',
      'webhook-secret': 'a-secret-of-the-test',
    },
  });
  assert.equal(((await owed.json()) as Recognised).faces[0]?.person?.name, her.name);

  const templates = await templatesIn(service.dataDir, her.id);
  assert.equal(templates.length, 2);
  const crops = await Promise.all(
    added.body.pictures.flatMap(({ faceId }) => (faceId === null ? [] : [thumbnailOf(her.id, faceId)])),
  );
  const middle = (picture: Buffer) => picture.subarray(picture.length / 2, picture.length / 2 + 64);
  const gone = [Buffer.from(her.name), ...templates, ...crops.map(middle)];
  const theirs = [...gone, middle(ada.portrait), middle(adaAgain)];
  for (const bytes of theirs) assert.notDeepEqual(filesWith(bytes), []);
  const receipt = await call<Receipt>('DELETE', `/v1/people/${her.id}`);
  assert.equal(receipt.status, 200);
  assert.ok((receipt.body.counts.pictures ?? 0) >= 3 && receipt.body.counts.crops === 2);
  assert.ok(receipt.body.objects.some(({ key }) => key === `uploads/${added.body.pictures[0]?.jobId}`));
  assert.equal(await nameOn(await pictureOf(ada, { seed: 5, sidePx: 160 })), undefined);
  // Comparisons name nobody, so their pictures stay until they are swept; hers were sent in there by this test.
  const compared = filesWith(middle(ada.portrait));
  assert.ok(compared.length <= 2, compared.join());
  for (const bytes of gone) assert.deepEqual(filesWith(bytes), []);
});

test('a gallery of its own is served by the same workers, and goes without a trace', async () => {
  assert.equal((await call('POST', '/v1/galleries', { name: 'club' })).status, 201);
  const { body } = await call<{ person: Person }>('POST', '/v1/galleries/club/people', { name: 'Member' });
  const added = await send<Enrolled>(`/v1/galleries/club/people/${body.person.id}/faces`, bob.portrait);
  assert.equal(added.body.pictures[0]?.verdict, 'enrolled', JSON.stringify(added.body));
  const probe = await pictureOf(bob, { seed: 7, sidePx: 160 });
  const inside = await eventually('the member is known in the club', async () => {
    const answer = await send<Recognised>('/v1/galleries/club/recognitions', probe);
    return answer.body.faces[0]?.person?.name === 'Member' && answer.body;
  });
  assert.equal(inside.faces.length, 1);
  assert.equal(await nameOn(probe), undefined);
  assert.equal((await call('DELETE', '/v1/galleries/club')).status, 200);
  const keys = readdirSync(service.dataDir, { recursive: true, encoding: 'utf8' });
  assert.deepEqual(
    keys.filter((name) => /gallery\/club\./.test(name) && statSync(join(service.dataDir, name)).isFile()),
    [],
  );
});
