import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';

import { eventually } from '../../../test/support/eventually.ts';
import { PeopleService } from '../../../test/support/people-service.ts';

interface Person {
  readonly id: string;
  readonly name: string;
  readonly externalId: string | null;
  readonly faces: number;
  readonly thumbnail: string | null;
}
interface Created {
  readonly person: Person;
  readonly picture?: Picture;
}
interface Picture {
  readonly verdict: string;
  readonly jobId: string | null;
  readonly faceId: string | null;
  readonly externalId: string | null;
  readonly message: string;
  readonly resembles?: { name: string };
}
interface Page {
  readonly people: Person[];
  readonly nextCursor?: string;
  readonly total: number;
}
interface Enrolled {
  readonly pictures: Picture[];
}
interface Faces {
  readonly faces: { id: string; role: string; thumbnail: string; externalId: string | null }[];
  readonly nextCursor?: string;
}
interface Recognition {
  readonly jobId: string;
  readonly faces: {
    person: { id: string; name: string } | null;
    unknownReason: string | null;
    falseMatchRate: number | null;
  }[];
}

async function createPerson(service: PeopleService, name: string, at = '/v1'): Promise<Person> {
  const { status, body } = await service.call<Created>('POST', `${at}/people`, { name });
  assert.equal(status, 201);
  return body.person;
}

async function withFaces(service: PeopleService, name: string, pictures: string[], at = '/v1') {
  const person = await createPerson(service, name, at);
  const { status, body } = await service.send<Enrolled>(`${at}/people/${person.id}/faces`, pictures);
  assert.equal(status, 200);
  const verdicts = body.pictures.map(({ verdict }) => verdict);
  assert.ok(
    verdicts.every((verdict) => verdict === 'enrolled'),
    JSON.stringify(body),
  );
  return { ...person, faceIds: body.pictures.map(({ faceId }) => faceId ?? '') };
}

async function namesOn(service: PeopleService, words: string, at = '/v1', query = '') {
  const { status, body } = await service.send<Recognition>(`${at}/recognitions${query}`, [words]);
  assert.equal(status, 200, JSON.stringify(body));
  return body.faces.map(({ person }) => person?.name ?? null);
}

describe('people', () => {
  test('are created, found, renamed and listed page by page', async () => {
    await using service = await PeopleService.start();
    const id = randomUUID();
    const created = await service.call<Created>('POST', '/v1/people', {
      ...{ name: ' Ada Lovelace ', id, externalId: 'employee 1' },
    });
    assert.equal(created.status, 201);
    assert.equal(created.headers.get('location'), `/v1/people/${id}`);
    assert.deepEqual(created.body.person, {
      ...{ id, name: 'Ada Lovelace', externalId: 'employee 1', faces: 0, thumbnail: null },
    });
    for (const name of ['Bob', 'Zoë', 'Émile', 'Bea']) await createPerson(service, name);

    const first = (await service.call<Page>('GET', '/v1/people?limit=2')).body;
    assert.deepEqual(
      first.people.map(({ name }) => name),
      ['Ada Lovelace', 'Bea'],
    );
    assert.equal(first.total, 5);
    const rest = (await service.call<Page>('GET', `/v1/people?limit=9&cursor=${first.nextCursor}`)).body;
    assert.deepEqual(
      rest.people.map(({ name }) => name),
      ['Bob', 'Émile', 'Zoë'],
    );
    assert.equal(rest.nextCursor, undefined);
    const found = (await service.call<Page>('GET', '/v1/people?search=LOVE%20ada')).body;
    assert.deepEqual(
      found.people.map((person) => person.id),
      [id],
    );

    const renamed = await service.call<Person>('PATCH', `/v1/people/${id}`, {
      ...{ name: 'Countess Ada', externalId: null },
    });
    assert.deepEqual([renamed.body.name, renamed.body.externalId], ['Countess Ada', null]);
    assert.equal((await service.call<Person>('GET', `/v1/people/${id}`)).body.name, 'Countess Ada');
  });

  test('what contradicts what is there is 409, and what is not there 404', async () => {
    await using service = await PeopleService.start();
    const ada = await createPerson(service, 'Ada');
    const bob = await service.call<Created>('POST', '/v1/people', { name: 'Bob', externalId: 'b' });
    const conflicts: [string, string, object][] = [
      ['POST', '/v1/people', { name: 'Ada' }],
      ['POST', '/v1/people', { name: 'Eve', id: ada.id }],
      ['POST', '/v1/people', { name: 'Eve', externalId: 'b' }],
      ['PATCH', `/v1/people/${ada.id}`, { name: 'Bob' }],
      ['PATCH', `/v1/people/${ada.id}`, { externalId: 'b' }],
    ];
    for (const [method, path, body] of conflicts) {
      assert.equal((await service.call(method, path, body)).status, 409, JSON.stringify(body));
    }
    // Asked twice with one id of one's own, it is one person.
    const twice = { name: 'Bob', externalId: 'b', id: bob.body.person.id };
    assert.equal((await service.call('POST', '/v1/people', twice)).status, 201);
    const missing: [string, string, object?][] = [
      ['GET', `/v1/people/${randomUUID()}`],
      ['GET', '/v1/people/Ada'],
      ['PATCH', `/v1/people/${randomUUID()}`, { name: 'X' }],
      ['POST', `/v1/people/${ada.id}/merge`, { into: randomUUID() }],
      ['DELETE', `/v1/people/${randomUUID()}`],
      ['GET', `/v1/people/${randomUUID()}/faces`],
      ['DELETE', `/v1/people/${ada.id}/faces/${randomUUID()}`],
      ['POST', `/v1/people/${ada.id}/faces/${randomUUID()}/move`, { to: null }],
      ['GET', '/v1/galleries/none/people'],
    ];
    for (const [method, path, body] of missing) {
      assert.equal((await service.call(method, path, body)).status, 404, `${method} ${path}`);
    }
  });

  test('values that make no sense are named', async () => {
    await using service = await PeopleService.start();
    const wrong: [string, string, object, string][] = [
      ['POST', '/v1/people', {}, 'name'],
      ['POST', '/v1/people', { name: '' }, 'name'],
      ['POST', '/v1/people', { name: 'x', id: 'me' }, 'id'],
      ['POST', '/v1/people', { name: 'x', nmae: 'y' }, 'nmae'],
    ];
    for (const [method, path, body, field] of wrong) {
      const answer = await service.call<{ errors: { field: string }[] }>(method, path, body);
      assert.equal(answer.status, 400, JSON.stringify(body));
      assert.equal(answer.body.errors[0]?.field, field);
    }
    for (const body of [{ name: ' ' }, { name: randomUUID() }, { name: 'a\u0000b' }]) {
      assert.equal((await service.call('POST', '/v1/people', body)).status, 400, JSON.stringify(body));
    }
    assert.equal((await service.call('GET', '/v1/people?cursor=nonsense')).status, 400);
    assert.equal((await service.call('GET', '/v1/people?limit=0')).status, 400);
    const text = await service.web.fetch('/v1/people', { method: 'POST', body: 'name=x' });
    assert.equal(text.status, 415);
    const broken = { 'content-type': 'application/json' };
    const cut = await service.web.fetch('/v1/people', { method: 'POST', body: '{"name":', headers: broken });
    assert.equal(cut.status, 400);
    const large = JSON.stringify({ name: 'x'.repeat(100_000) });
    const huge = await service.web.fetch('/v1/people', { method: 'POST', body: large, headers: broken });
    assert.equal(huge.status, 413);
  });

  test('two who are one are merged, and answer to both ids', async () => {
    await using service = await PeopleService.start();
    const ada = await withFaces(service, 'Ada', ['ada']);
    const other = await withFaces(service, 'A. Lovelace', ['lovelace']);
    const merged = await service.call<Person>('POST', `/v1/people/${other.id}/merge`, { into: ada.id });
    assert.deepEqual([merged.status, merged.body.id, merged.body.faces], [200, ada.id, 2]);
    assert.equal((await service.call<Person>('GET', `/v1/people/${other.id}`)).body.id, ada.id);
    assert.deepEqual(await namesOn(service, 'lovelace'), ['Ada']);
  });
});

describe('faces', () => {
  test('several pictures at once get a verdict each, whatever becomes of the others', async () => {
    await using service = await PeopleService.start();
    await withFaces(service, 'Bob', ['bob']);
    const ada = await createPerson(service, 'Ada');
    const pictures = ['ada', 'ada bob', '', 'no picture', 'broken', 'bob~2', 'ada'];
    const { status, body } = await service.send<Enrolled>(`/v1/people/${ada.id}/faces`, pictures, {
      externalIds: ['portrait 1'],
    });
    assert.equal(status, 200);
    assert.deepEqual(
      body.pictures.map(({ verdict }) => verdict),
      ['enrolled', 'several-faces', 'no-face', 'bad-image', 'bad-image', 'looks-like-another', 'duplicate'],
    );
    assert.equal(body.pictures[5]?.resembles?.name, 'Bob');
    assert.equal(body.pictures[0]?.externalId, 'portrait 1');
    const forced = await service.send<Enrolled>(`/v1/people/${ada.id}/faces?force=true`, ['bob~2']);
    assert.equal(forced.body.pictures[0]?.verdict, 'enrolled');

    const { body: list } = await service.call<Faces>('GET', `/v1/people/${ada.id}/faces`);
    assert.deepEqual(
      list.faces.map(({ externalId }) => externalId),
      ['portrait 1', null],
    );
    const thumbnail = await service.web.fetch(list.faces[0]!.thumbnail);
    assert.equal(thumbnail.headers.get('content-type'), 'image/jpeg');
    assert.equal(await thumbnail.text(), 'crop of ada');
    const person = (await service.call<Person>('GET', `/v1/people/${ada.id}`)).body;
    assert.deepEqual([person.faces, person.thumbnail], [2, list.faces[0]!.thumbnail]);
    const page = (await service.call<Faces>('GET', `/v1/people/${ada.id}/faces?limit=1`)).body;
    assert.equal(page.nextCursor, list.faces[0]!.id);
    const rest = await service.call<Faces>(
      'GET',
      `/v1/people/${ada.id}/faces?limit=1&cursor=${page.nextCursor}`,
    );
    assert.deepEqual([rest.body.faces[0]?.id, rest.body.nextCursor], [list.faces[1]!.id, undefined]);
  });

  test('a bare picture is enrolled too, and who does not wait finds the verdicts in the jobs', async () => {
    await using service = await PeopleService.start();
    const ada = await createPerson(service, 'Ada');
    const { pictureOf } = await import('../../../test/support/web-service.ts');
    const raw = await service.web.fetch(`/v1/people/${ada.id}/faces`, {
      method: 'POST',
      body: new Uint8Array(pictureOf('ada')),
      headers: { 'content-type': 'image/jpeg' },
    });
    assert.equal(((await raw.json()) as Enrolled).pictures[0]?.verdict, 'enrolled');
    const headers = { prefer: 'respond-async' };
    const sent = await service.send<Enrolled>(`/v1/people/${ada.id}/faces`, ['ada~1', 'ada~2'], { headers });
    assert.equal(sent.status, 202);
    assert.deepEqual(
      sent.body.pictures.map(({ verdict }) => verdict),
      ['pending', 'pending'],
    );
    await eventually('both are enrolled', async () => {
      return (await service.call<Person>('GET', `/v1/people/${ada.id}`)).body.faces === 3;
    });
    const job = await service.call<{ enrolment: { verdict: string } }>(
      'GET',
      `/v1/jobs/${sent.body.pictures[0]?.jobId}`,
    );
    assert.equal(job.body.enrolment.verdict, 'enrolled');
  });

  test('repeated with its Idempotency-Key a request enrols nothing twice', async () => {
    await using service = await PeopleService.start();
    const ada = await createPerson(service, 'Ada');
    const headers = { 'idempotency-key': 'k' };
    const send = () => service.send<Enrolled>(`/v1/people/${ada.id}/faces`, ['ada', 'ada~1'], { headers });
    const [first, second] = [await send(), await send()];
    assert.deepEqual(first.body.pictures, second.body.pictures);
    assert.ok(first.body.pictures.every(({ verdict }) => verdict === 'enrolled'));
  });

  test('"this is not her": a face that was moved away never matches her again', async () => {
    await using service = await PeopleService.start();
    const ada = await withFaces(service, 'Ada', ['ada', 'ada~1']);
    const beth = await createPerson(service, 'Beth');
    const wrong = ada.faceIds[1]!;
    const move = (who: string, to: string | null) =>
      service.call('POST', `/v1/people/${who}/faces/${wrong}/move`, { to });
    assert.deepEqual(await namesOn(service, 'ada~1'), ['Ada']);
    assert.equal((await move(ada.id, null)).status, 200);
    assert.deepEqual(await namesOn(service, 'ada~1'), [null]);
    assert.deepEqual(await namesOn(service, 'ada'), ['Ada']);
    const { body } = await service.call<Faces>('GET', `/v1/people/${ada.id}/faces?counterexamples=true`);
    assert.deepEqual(
      body.faces.map(({ role }) => role),
      ['example', 'counterexample'],
    );
    assert.equal((await move(ada.id, beth.id)).status, 200);
    // A worker's copy may be a second old.
    await eventually('the face is hers', async () => (await namesOn(service, 'ada~1'))[0] === 'Beth');
    // Sent in once more for her, it still isn't her.
    await service.send(`/v1/people/${ada.id}/faces?force=true`, ['ada~1']);
    assert.deepEqual(await namesOn(service, 'ada~1'), ['Beth']);
    assert.equal((await service.call('DELETE', `/v1/people/${ada.id}/faces/${ada.faceIds[0]}`)).status, 200);
    assert.equal((await service.call('DELETE', `/v1/people/${beth.id}/faces/${ada.faceIds[0]}`)).status, 404);
  });

  test('an unknown face of a finished recognition gets a name in one step', async () => {
    await using service = await PeopleService.start();
    const { body } = await service.send<Recognition>('/v1/recognitions', ['cleo dora']);
    assert.deepEqual(
      body.faces.map(({ unknownReason }) => unknownReason),
      ['empty-gallery', 'empty-gallery'],
    );
    const { jobId } = body;
    const cleo = await service.call<Created>('POST', '/v1/people', { name: 'Cleo', jobId, face: 0 });
    assert.deepEqual([cleo.status, cleo.body.picture?.verdict], [201, 'enrolled']);
    assert.equal(cleo.body.person.faces, 1);
    const dora = await createPerson(service, 'Dora');
    const added = await service.call<Enrolled>('POST', `/v1/people/${dora.id}/faces`, { jobId, face: 1 });
    assert.deepEqual([added.status, added.body.pictures[0]?.verdict], [200, 'enrolled']);
    assert.deepEqual(await namesOn(service, 'dora~1 cleo~1'), ['Dora', 'Cleo']);

    const refused: [object, number][] = [
      [{ jobId, face: 2 }, 404],
      [{ jobId: randomUUID(), face: 0 }, 404],
      [{ jobId: added.body.pictures[0]?.jobId, face: 0 }, 422],
      [{ jobId, face: -1 }, 400],
      [{ jobId }, 400],
    ];
    for (const [face, status] of refused) {
      const answer = await service.call('POST', '/v1/people', { name: 'Nobody', ...face });
      assert.equal(answer.status, status, JSON.stringify(face));
    }
    assert.equal((await service.call<Page>('GET', '/v1/people')).body.total, 2);
  });
});

describe('recognition', () => {
  test('one person is on a picture once, unless asked otherwise, and every answer says what it rests on', async () => {
    await using service = await PeopleService.start();
    await withFaces(service, 'Ada', ['ada']);
    assert.deepEqual(await namesOn(service, 'ada~1 ada'), [null, 'Ada']);
    assert.deepEqual(await namesOn(service, 'ada~1 ada', '/v1', '?allowRepeats=true'), ['Ada', 'Ada']);
    const { body } = await service.send<Recognition & Record<string, unknown>>('/v1/recognitions', [
      'ada~1 ada stranger',
    ]);
    assert.deepEqual(
      body.faces.map(({ unknownReason }) => unknownReason),
      ['given-to-another-face', null, 'too-dissimilar'],
    );
    const [near, same, stranger] = body.faces.map(({ falseMatchRate }) => falseMatchRate ?? -1);
    assert.ok(same! < near! && near! < 1e-3 && stranger! > 0.1, JSON.stringify([near, same, stranger]));
    assert.equal(body.galleryVersion, 2);
    assert.equal(body.packId, 'fast');
  });

  test('a stated rate or threshold decides who is unknown', async () => {
    await using service = await PeopleService.start();
    await withFaces(service, 'Ada', ['ada']);
    // ada~1 is at a cosine of 0.85.
    assert.deepEqual(await namesOn(service, 'ada~1', '/v1', '?threshold=0.86'), [null]);
    assert.deepEqual(await namesOn(service, 'ada~1', '/v1', '?threshold=0.84'), ['Ada']);
    assert.deepEqual(await namesOn(service, 'ada~1', '/v1', '?falseMatchRate=1e-4'), ['Ada']);
    assert.deepEqual(await namesOn(service, 'ada~1', '/v1', '?falseMatchRate=1e-20'), [null]);
    assert.deepEqual(await namesOn(service, 'ada~1', '/v1', '?falsePositiveRate=0.5'), ['Ada']);
    for (const query of ['threshold=2', 'falseMatchRate=0', 'threshold=0.5&falseMatchRate=0.1']) {
      const { status } = await service.send(`/v1/recognitions?${query}`, ['ada']);
      assert.equal(status, 400, query);
    }
  });

  test('detections look for nobody', async () => {
    await using service = await PeopleService.start();
    await withFaces(service, 'Ada', ['ada']);
    const { status, body } = await service.send<Recognition & { kind: string }>('/v1/detections', [
      'ada bob',
    ]);
    assert.deepEqual([status, body.kind, body.faces.length], [200, 'detect', 2]);
    assert.ok(body.faces.every(({ person }) => person === null));
    assert.equal((await service.send('/v1/detections?requireFace=true', [''])).status, 422);
  });

  test('two pictures are compared face by face, however they arrive', async () => {
    await using service = await PeopleService.start();
    interface Compared {
      readonly faces: unknown[];
      readonly comparison: {
        readonly faces: unknown[];
        readonly pairs: { first: number; second: number; isSamePerson: boolean; similarity: number }[];
      };
    }
    const { status, body } = await service.send<Compared>('/v1/comparisons', ['ada bob', 'cleo ada~1']);
    assert.equal(status, 200);
    assert.deepEqual([body.faces.length, body.comparison.faces.length], [2, 2]);
    const { pairs } = body.comparison;
    assert.equal(pairs.length, 4);
    assert.deepEqual([pairs[0]?.first, pairs[0]?.second], [0, 1]);
    assert.ok(Math.abs(pairs[0]!.similarity - 0.85) < 1e-4);
    assert.deepEqual(
      pairs.map(({ isSamePerson }) => isSamePerson),
      [true, false, false, false],
    );
    const strict = await service.send<Compared>('/v1/comparisons?threshold=0.9', ['ada', 'ada~1']);
    assert.equal(strict.body.comparison.pairs[0]?.isSamePerson, false);
    const refused: [string[], number][] = [
      [['ada'], 400],
      [['ada', 'bob', 'cleo'], 400],
      [['ada', 'no picture'], 415],
      [['ada', 'broken'], 415],
    ];
    for (const [pictures, expected] of refused) {
      const answer = await service.send('/v1/comparisons', pictures);
      assert.equal(answer.status, expected, pictures.join());
    }
    const later = { headers: { prefer: 'respond-async' } };
    const pending = await service.send<{ jobId: string }>('/v1/comparisons', ['ada', 'ada'], later);
    assert.equal(pending.status, 202);
    const job = await eventually('the comparison is done', async () => {
      const found = await service.call<Compared>('GET', `/v1/jobs/${pending.body.jobId}`);
      return found.status === 200 && found.body;
    });
    assert.equal(job.comparison.pairs[0]?.isSamePerson, true);
  });
});

describe('galleries', () => {
  test('know nothing of each other, and go with everybody in them', async () => {
    await using service = await PeopleService.start();
    const { status, headers } = await service.call('POST', '/v1/galleries', { name: 'family' });
    assert.deepEqual([status, headers.get('location')], [201, '/v1/galleries/family/people']);
    for (const name of ['family', 'default']) {
      assert.equal((await service.call('POST', '/v1/galleries', { name })).status, 409);
    }
    assert.equal((await service.call('POST', '/v1/galleries', { name: 'No Name' })).status, 400);
    const at = '/v1/galleries/family';
    await withFaces(service, 'Ada', ['ada']);
    const aunt = await withFaces(service, 'Aunt', ['ada~1', 'aunt'], at);
    assert.deepEqual(await namesOn(service, 'ada aunt'), ['Ada', null]);
    assert.deepEqual(await namesOn(service, 'ada aunt', at), [null, 'Aunt']);
    assert.equal((await service.call<Page>('GET', `${at}/people`)).body.total, 1);
    assert.equal((await service.call('GET', `/v1/people/${aunt.id}`)).status, 404);
    const { body: list } = await service.call<Faces>('GET', `${at}/people/${aunt.id}/faces`);
    assert.equal((await service.web.fetch(list.faces[0]!.thumbnail)).status, 200);

    const removed = await service.call<{ people: number }>('DELETE', '/v1/galleries/family');
    assert.deepEqual([removed.status, removed.body.people], [200, 1]);
    assert.equal((await service.call('GET', `${at}/people`)).status, 404);
    assert.deepEqual(
      service.deployment.state.keys.filter((key) => key.includes('family')),
      [],
    );
    assert.equal((await service.call('DELETE', '/v1/galleries/default')).status, 409);
    // A gallery of the same name is another one.
    await service.call('POST', '/v1/galleries', { name: 'family' });
    assert.equal((await service.call<Page>('GET', `${at}/people`)).body.total, 0);
    assert.deepEqual(await namesOn(service, 'aunt', at), [null]);
    const { body } = await service.call<{ galleries: { name: string }[] }>('GET', '/v1/galleries');
    assert.deepEqual(
      body.galleries.map(({ name }) => name),
      ['default', 'family'],
    );
  });

  test('a face added is seen by every worker within two seconds', async () => {
    await using service = await PeopleService.start({ workers: 3 });
    await service.call('POST', '/v1/galleries', { name: 'family' });
    const at = '/v1/galleries/family';
    // Every worker holds the gallery before.
    await Promise.all(Array.from({ length: 12 }, () => namesOn(service, 'ada', at)));
    await withFaces(service, 'Ada', ['ada'], at);
    await service.deployment.clock.sleep(2000);
    const names = await Promise.all(Array.from({ length: 12 }, () => namesOn(service, 'ada', at)));
    assert.ok(
      names.every(([name]) => name === 'Ada'),
      JSON.stringify(names),
    );
  });
});

describe('erasing over HTTP', () => {
  test('leaves no byte, and gives a receipt of every object', async () => {
    await using service = await PeopleService.start();
    const { body: group } = await service.send<Recognition>('/v1/recognitions', ['ada-face eve']);
    const created = await service.call<Created>('POST', '/v1/people', {
      ...{ name: 'Ada Lovelace', jobId: group.jobId, face: 0 },
    });
    const { id } = created.body.person;
    await service.send(`/v1/people/${id}/faces`, ['ada-face~1']);
    await withFaces(service, 'Bob', ['bob']);
    await namesOn(service, 'ada-face~2 bob');
    const { deployment } = service;
    const found = async () => {
      const keys: string[] = [];
      for (const store of [deployment.input, deployment.output, deployment.state]) {
        for (const key of store.keys) {
          const object = await store.get(key);
          const text = `${key} ${JSON.stringify(object?.info.metadata)} ${(await object!.bytes()).toString('latin1')}`;
          if (/ada-face|Lovelace/.test(text)) keys.push(key);
        }
      }
      return keys;
    };
    assert.ok((await found()).length >= 6, (await found()).join());
    const receipt = await service.call<{
      faces: number;
      counts: Record<string, number>;
      objects: { key: string; sha256: string; action: string }[];
      personId: string;
    }>('DELETE', `/v1/people/${id}`);
    assert.equal(receipt.status, 200);
    assert.deepEqual(await found(), []);
    assert.deepEqual([receipt.body.personId, receipt.body.faces], [id, 2]);
    const { counts, objects } = receipt.body;
    // The group picture, the two enrolments, and the one on which she was recognised.
    assert.deepEqual([counts.pictures, counts.crops], [4, 2]);
    assert.ok((counts.results ?? 0) >= 4);
    assert.doesNotMatch(JSON.stringify(receipt.body), /ada-face|Lovelace/);
    assert.ok(objects.every(({ sha256 }) => /^[0-9a-f]{64}$/.test(sha256)));
    assert.ok(objects.some(({ key }) => key === `uploads/${group.jobId}`));
    assert.equal((await service.call('GET', `/v1/people/${id}`)).status, 410);
    assert.equal((await service.call('DELETE', `/v1/people/${id}`)).status, 200);
    assert.deepEqual(await namesOn(service, 'ada-face bob'), [null, 'Bob']);
  });
});
