import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { faceOf, GalleryScene } from '../../test/support/gallery-scene.ts';
import { MemoryObjectStore } from '../../test/support/memory-object-store.ts';
import { UnavailableError } from '../errors.ts';
import type { DoneResult } from '../jobs/job.ts';
import { personJobKey, SENT_IN_JOBS, sentInSinceKey } from '../jobs/keys.ts';
import { readResult } from '../jobs/results.ts';
import { compactGallery } from './compaction.ts';
import { eraseFace, erasePerson, finishErasures } from './erasure.ts';
import { openGalleryReplica } from './replica.ts';

const ADA = 'Ada Lovelace';

function setUp() {
  const clock = new FakeClock();
  const store = (bucket: string) => new MemoryObjectStore({ bucket, now: () => clock.now() });
  const buckets = { input: store('in'), output: store('out'), state: store('state') };
  return { clock, buckets, scene: new GalleryScene(buckets, clock) };
}

type Stores = ReturnType<typeof setUp>['buckets'];

/** Keys of the objects, in whichever bucket, that hold these bytes, or whose key does. */
async function findBytes(buckets: Stores, bytes: Buffer): Promise<string[]> {
  const found: string[] = [];
  for (const store of Object.values(buckets)) {
    for (const key of store.keys) {
      const object = await store.get(key);
      const metadata = JSON.stringify(object?.info.metadata);
      const texts = [await object!.bytes(), Buffer.from(metadata), Buffer.from(key)];
      if (texts.some((text) => text.includes(bytes))) found.push(`${store.bucket}:${key}`);
    }
  }
  return found;
}

function bytesOfVector(vector: Float32Array): Buffer {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
}

async function resultOf({ output }: Stores, jobId: string) {
  return (await readResult(output, jobId))?.result;
}

/** Ada and Bob, with jobs of every kind. */
async function populate(scene: GalleryScene) {
  const [ada, bob] = [scene.faces.stranger(), scene.faces.stranger()];
  const fileName = `${ADA}.jpg`;
  const first = await scene.enrol(ADA, faceOf(ada), { fileName });
  await compactGallery({ state: scene.buckets.state, clock: scene.clock, minEntries: 1 });
  const second = await scene.enrol(ADA, faceOf(scene.faces.another(ada, 0.8)));
  const bobs = await scene.enrol('Bob', faceOf(bob));
  const faceless = await scene.enrol(ADA, undefined, { fileName });
  const recognised = await scene.recognise(scene.faces.another(ada, 0.9));
  const candidate = await scene.recognise(scene.faces.another(bob, 0.9));
  const queued = await scene.submit({ kind: 'enrol', person: ADA });
  return { ada, bob, first, second, bobs, faceless, recognised, candidate, queued };
}

describe('erasing a person', () => {
  test('leaves no byte of their templates, crops, pictures and name', async () => {
    const { buckets, clock, scene } = setUp();
    const { first, second, faceless, recognised, queued } = await populate(scene);
    const theirs = [
      Buffer.from(ADA),
      ...[first, second].flatMap(({ face }) => [bytesOfVector(face!.embedding), face!.crop!]),
      ...[first, second, faceless, recognised, queued].map(({ picture }) => picture),
    ];
    for (const bytes of theirs) assert.notDeepEqual(await findBytes(buckets, bytes), []);
    const report = await erasePerson({ buckets, clock }, ADA);
    assert.equal(report.faces, 2);
    for (const bytes of theirs) assert.deepEqual(await findBytes(buckets, bytes), []);
  });

  test('turns their results into `erased`, and strikes them from others’', async () => {
    const { buckets, clock, scene } = setUp();
    const { first, faceless, recognised, candidate, queued, bobs } = await populate(scene);
    await erasePerson({ buckets, clock }, ADA);
    for (const { record } of [first, faceless, recognised, queued]) {
      const result = await resultOf(buckets, record.jobId);
      assert.deepEqual([result?.status, result?.fileName], ['failed', '']);
    }
    const other = (await resultOf(buckets, candidate.record.jobId)) as DoneResult;
    assert.equal(other.faces[0]?.person?.name, 'Bob');
    assert.deepEqual(
      other.faces[0]?.candidates.map(({ name }) => name),
      ['Bob'],
    );
    assert.equal(other.faces[0]?.margin, null);
    assert.notDeepEqual(await findBytes(buckets, candidate.picture), []);
    assert.notDeepEqual(await findBytes(buckets, bobs.picture), []);
    assert.notDeepEqual(await findBytes(buckets, bobs.face!.crop!), []);
  });

  test('replicas forget them, those that follow and those that start', async () => {
    const { buckets, clock, scene } = setUp();
    const { ada, bob, first } = await populate(scene);
    const open = () => openGalleryReplica({ state: buckets.state, packId: 'fast' });
    await using following = await open();
    await erasePerson({ buckets, clock }, ADA);
    await following.refresh();
    await using fresh = await open();
    for (const replica of [following, fresh]) {
      const probes = [ada, bob].map((embedding) => ({ embedding, sizePx: 100 }));
      const outcomes = await replica.match(probes, { falsePositiveRate: 0.01 });
      assert.deepEqual(
        outcomes.map(({ person }) => person?.name),
        [undefined, 'Bob'],
      );
      assert.equal(replica.isErased(first.enrolment.personId!), true);
      assert.deepEqual([replica.people, replica.faces], [1, 1]);
    }
  });

  test('in the course dialect the picture, the name beside it and the claim on its name go too', async () => {
    const { buckets, clock, scene } = setUp();
    const { ada, bob } = await populate(scene);
    const course = { dialect: 'course', fileName: `${ADA}.jpg` } as const;
    const { record } = await scene.recognise(scene.faces.another(ada, 0.9), course);
    await buckets.output.put(ADA, Buffer.from(ADA));
    await scene.recognise(scene.faces.another(bob, 0.9), { ...course, fileName: 'bob.jpg' });
    await erasePerson({ buckets, clock }, ADA);
    assert.deepEqual(await findBytes(buckets, Buffer.from(ADA)), []);
    assert.equal((await readResult(buckets.state, record.jobId))?.result.status, 'failed');
    assert.ok(buckets.input.keys.includes('bob.jpg'));
  });

  test('a merged person goes with the one they were merged into', async () => {
    const { buckets, clock, scene } = setUp();
    const { bob, bobs, candidate } = await populate(scene);
    await scene.gallery.merge({ from: 'Bob', into: ADA });
    await erasePerson({ buckets, clock }, ADA);
    for (const bytes of [bytesOfVector(bob), bobs.face!.crop!, bobs.picture, candidate.picture])
      assert.deepEqual(await findBytes(buckets, bytes), []);
  });

  test('an enrolment that was being worked on does not bring them back', async () => {
    const { buckets, clock, scene } = setUp();
    const { queued, ada, first } = await populate(scene);
    await clock.advance(10);
    await erasePerson({ buckets, clock }, ADA);
    const late = faceOf(scene.faces.another(ada, 0.7));
    await assert.rejects(scene.work(queued.record, late), { code: 'erased' });
    assert.deepEqual(await findBytes(buckets, late.crop!), []);
    await clock.advance(10);
    const { enrolment } = await scene.enrol(ADA, faceOf(ada));
    assert.notEqual(enrolment.personId, first.enrolment.personId);
  });

  test('wherever it is cut off, housekeeping ends it', async () => {
    for (let cut = 0; cut < 60; cut++) {
      const { buckets, clock, scene } = setUp();
      const { first, recognised } = await populate(scene);
      const personId = first.enrolment.personId!;
      buckets.state.failNext('put', new UnavailableError('cut off'), { key: nthCall(cut) });
      const isCut = await erasePerson({ buckets, clock }, personId).then(
        () => false,
        () => true,
      );
      if (!isCut) break;
      await finishErasures({ buckets, clock });
      const isBegun = (await scene.gallery.people()).length === 1;
      assert.equal(isBegun, cut > 0, `cut at write ${cut}`);
      if (isBegun) {
        for (const bytes of [Buffer.from(ADA), recognised.picture, first.face!.crop!])
          assert.deepEqual(await findBytes(buckets, bytes), [], `cut at write ${cut}`);
      }
    }
  });

  test('what was told of them while it ran is erased by the next housekeeping; the record goes in the end', async () => {
    const { buckets, clock, scene } = setUp();
    const { first } = await populate(scene);
    const personId = first.enrolment.personId!;
    await erasePerson({ buckets, clock }, personId);
    const late = await scene.submit({ kind: 'recognise' });
    const { box, landmarks, detectionScore, quality } = faceOf(scene.faces.stranger());
    const person = { id: personId, name: ADA };
    const figures = {
      similarity: 0.9,
      margin: null,
      threshold: 0.5,
      candidates: [{ personId, name: ADA, similarity: 0.9 }],
    };
    await scene.finish(late.record, {
      faces: [{ box, landmarks, detectionScore, quality, person, ...figures }],
    });
    await finishErasures({ buckets, clock });
    assert.deepEqual(await findBytes(buckets, Buffer.from(ADA)), []);
    assert.deepEqual(await findBytes(buckets, late.picture), []);
    await clock.advance(16 * 60_000);
    await finishErasures({ buckets, clock });
    assert.ok(!buckets.state.keys.some((key) => key.includes('/erasures/')));
    assert.ok(!buckets.state.keys.some((key) => key.startsWith(personJobKey(personId, ''))));
  });

  test('one who was merged before an erasure that was cut off came to the tombstone lives on in the other', async () => {
    const { buckets, clock, scene } = setUp();
    const { first, bobs } = await populate(scene);
    buckets.state.failNext('put', new UnavailableError('cut off'), { key: /\/log\// });
    await assert.rejects(erasePerson({ buckets, clock }, ADA), UnavailableError);
    await scene.gallery.merge({ from: ADA, into: 'Bob' });
    await finishErasures({ buckets, clock });
    assert.equal((await scene.gallery.person('Bob')).faces.length, 3);
    for (const { face, picture } of [first, bobs]) {
      assert.notDeepEqual(await findBytes(buckets, face!.crop!), []);
      assert.notDeepEqual(await findBytes(buckets, picture), []);
    }
    assert.ok(!buckets.state.keys.some((key) => key.includes('/erasures/')));
  });

  test('looks at no picture that was sent in for others', async () => {
    const { buckets, clock, scene } = setUp();
    // The first note settles since when there are any.
    await scene.submit({ kind: 'enrol', person: 'Bob' });
    await clock.advance(2 * 3_600_000);
    const queued = await scene.submit({ kind: 'enrol', person: ` ${ADA} ` });
    const others = await Promise.all([
      scene.submit({ kind: 'enrol', person: 'Bob' }),
      scene.submit({ kind: 'enrol', person: ADA, gallery: 'other.00000000' }),
      scene.submit({ kind: 'recognise' }),
    ]);
    await scene.gallery.addPerson({ name: ADA });
    for (const { record } of others) {
      buckets.input.failNext('head', new UnavailableError('looked at'), { key: record.inputKey });
    }
    const report = await erasePerson({ buckets, clock }, ADA);
    assert.equal(report.jobs, 1);
    assert.ok(!buckets.input.keys.includes(queued.record.inputKey));
    for (const { record } of others) assert.ok(buckets.input.keys.includes(record.inputKey));
    assert.equal(buckets.state.keys.filter((key) => key.startsWith(SENT_IN_JOBS)).length, 3);
  });

  test('finds pictures that were sent in before that was noted', async () => {
    const { buckets, clock, scene } = setUp();
    const { queued, faceless } = await populate(scene);
    const notes = buckets.state.keys.filter((key) => key.startsWith(SENT_IN_JOBS));
    for (const key of [...notes, sentInSinceKey]) await buckets.state.delete(key);
    // As another process: this one remembers since when there were notes.
    const { input, output, state } = buckets;
    const copy = new MemoryObjectStore({ bucket: 'state', now: () => clock.now() });
    for (const key of state.keys) await copyObject(state, copy, key);
    await erasePerson({ buckets: { input, output, state: copy }, clock }, ADA);
    for (const { picture } of [queued, faceless])
      assert.deepEqual(await findBytes({ input, output, state: copy }, picture), []);
  });

  test('nobody of that name or id is not found', async () => {
    const { buckets, clock } = setUp();
    for (const reference of [ADA, '11111111-1111-4111-8111-111111111111'])
      await assert.rejects(erasePerson({ buckets, clock }, reference), { code: 'not-found' });
  });
});

describe('erasing a face', () => {
  test('leaves no byte of it, nor of the picture it came from; the person stays', async () => {
    const { buckets, clock, scene } = setUp();
    const { first, second, recognised } = await populate(scene);
    await eraseFace({ buckets, clock }, first.enrolment.faceId!);
    for (const bytes of [bytesOfVector(first.face!.embedding), first.face!.crop!, first.picture])
      assert.deepEqual(await findBytes(buckets, bytes), []);
    for (const bytes of [second.face!.crop!, second.picture, recognised.picture])
      assert.notDeepEqual(await findBytes(buckets, bytes), []);
    assert.equal((await scene.gallery.person(ADA)).faces.length, 1);
    await assert.rejects(eraseFace({ buckets, clock }, first.enrolment.faceId!), { code: 'not-found' });
  });
});

async function copyObject(from: MemoryObjectStore, to: MemoryObjectStore, key: string): Promise<void> {
  const object = await from.get(key);
  if (object !== undefined) await to.put(key, await object.bytes(), { metadata: object.info.metadata });
}

/** Matches the key of the n-th call that it is asked about, from 0. */
function nthCall(n: number): RegExp {
  let calls = 0;
  const pattern = /./;
  pattern.test = () => calls++ === n;
  return pattern;
}
