import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { recordOf as anyRecord, faceOf, pictureOf } from '../../test/support/gallery-scene.ts';
import { MemoryObjectStore } from '../../test/support/memory-object-store.ts';
import { SyntheticFaces } from '../../test/support/synthetic-faces.ts';
import { systemClock as clock } from '../adapters/local/system-clock.ts';
import type { JobRecord } from '../jobs/job.ts';
import { createGalleryChanges } from './enrolment.ts';
import { Gallery } from './gallery.ts';
import { openGalleryReplica } from './replica.ts';

async function setUp() {
  const state = new MemoryObjectStore();
  const gallery = new Gallery({ state, clock });
  const replica = await openGalleryReplica({ state, packId: 'fast' });
  return {
    state,
    gallery,
    faces: new SyntheticFaces(5),
    changes: createGalleryChanges({ gallery, replica }),
  };
}

function recordOf(
  person: string,
  options: { sha256?: string; force?: boolean; submittedAt?: number } = {},
): JobRecord {
  const { force, ...rest } = options;
  const task = { kind: 'enrol', person, source: 'folder/a.jpg', ...(force ? { force: true } : {}) } as const;
  return anyRecord(task, rest);
}

describe('enrolment', () => {
  test('enrols one face, keeps its crop, and says the same when the job comes again', async () => {
    const { state, gallery, faces, changes } = await setUp();
    const [picture, record] = [pictureOf(faceOf(faces.stranger())), recordOf('Ada')];
    const report = await changes.enrol(picture, record);
    assert.equal(report.verdict, 'enrolled');
    assert.deepEqual(await changes.enrol(picture, record), report);
    const ada = await gallery.person('Ada');
    assert.deepEqual(
      ada.faces.map(({ faceId, source, pictureSha256 }) => [faceId, source, pictureSha256]),
      [[report.faceId, 'folder/a.jpg', record.sha256]],
    );
    assert.deepEqual(await gallery.crop(report.faceId!), picture.faces[0]?.crop);
    assert.equal(state.keys.filter((key) => key.includes('/crops/')).length, 1);
  });

  test('the same bytes in another job are a duplicate', async () => {
    const { faces, changes } = await setUp();
    const picture = pictureOf(faceOf(faces.stranger()));
    const sha256 = 'ab'.repeat(32);
    const first = await changes.enrol(picture, recordOf('Ada', { sha256 }));
    const second = await changes.enrol(picture, recordOf('Ada', { sha256 }));
    assert.deepEqual([second.verdict, second.faceId], ['duplicate', first.faceId]);
  });

  test('refuses pictures without a face, with several, and with too small a one', async () => {
    const { gallery, faces, changes } = await setUp();
    const [a, b] = [faces.stranger(), faces.stranger()];
    const cases = [
      { picture: pictureOf(), verdict: 'no-face' },
      { picture: pictureOf(faceOf(a), faceOf(b, 70)), verdict: 'several-faces' },
      { picture: pictureOf(faceOf(a, 27.9)), verdict: 'too-small' },
    ];
    for (const { picture, verdict } of cases)
      assert.equal((await changes.enrol(picture, recordOf('Ada'))).verdict, verdict);
    assert.deepEqual(await gallery.people(), []);
  });

  test('a portrait with somebody beside is of whoever fills the middle', async () => {
    const { faces, changes } = await setUp();
    const beside = faceOf(faces.stranger(), 80);
    const central = { ...faceOf(faces.stranger(), 95), box: { x: 78, y: 60, width: 95, height: 130 } };
    const portrait = { ...pictureOf(central, beside), width: 250, height: 250 };
    assert.equal((await changes.enrol(portrait, recordOf('Ada'))).verdict, 'enrolled');
    const group = { ...pictureOf(central, beside), width: 640, height: 480 };
    assert.equal((await changes.enrol(group, recordOf('Bob'))).verdict, 'several-faces');
  });

  test('a small face far behind does not matter; a smallish or poor one is remarked upon', async () => {
    const { faces, changes } = await setUp();
    const behind = pictureOf(faceOf(faces.stranger()), faceOf(faces.stranger(), 30));
    const plain = await changes.enrol(behind, recordOf('Ada'));
    const small = await changes.enrol(pictureOf(faceOf(faces.stranger(), 35)), recordOf('Bob'));
    const poor = await changes.enrol(pictureOf(faceOf(faces.stranger(), 90, 0.3)), recordOf('Cyd'));
    assert.deepEqual(
      [plain, small, poor].map(({ verdict }) => verdict),
      Array(3).fill('enrolled'),
    );
    assert.equal(plain.message, 'enrolled');
    assert.match(small.message, /35 px/);
    assert.match(poor.message, /0\.30/);
  });

  test('a face that resembles another person is held up unless forced', async () => {
    const { gallery, faces, changes } = await setUp();
    const ada = faces.stranger();
    await changes.enrol(pictureOf(faceOf(ada)), recordOf('Ada'));
    const similar = pictureOf(faceOf(faces.another(ada, 0.8)));
    const report = await changes.enrol(similar, recordOf('Eva'));
    assert.equal(report.verdict, 'looks-like-another');
    assert.equal(report.resembles?.name, 'Ada');
    assert.ok(Math.abs((report.resembles?.similarity ?? 0) - 0.8) < 1e-4);
    assert.equal((await changes.enrol(similar, recordOf('Ada'))).verdict, 'enrolled');
    assert.equal((await changes.enrol(similar, recordOf('Eva', { force: true }))).verdict, 'enrolled');
    assert.deepEqual(
      (await gallery.people()).map(({ name }) => name),
      ['Ada', 'Eva'],
    );
  });

  test('an enrolment that was submitted before the person was erased comes too late', async () => {
    const { gallery, faces, changes } = await setUp();
    const record = recordOf('Ada', { submittedAt: clock.now() - 5000 });
    const { personId } = await changes.enrol(pictureOf(faceOf(faces.stranger())), recordOf('Ada'));
    await gallery.bury(personId!);
    const late = pictureOf(faceOf(faces.stranger()));
    await assert.rejects(changes.enrol(late, record), { code: 'erased' });
    await assert.rejects(changes.enrol(late, recordOf(personId!)), { code: 'erased' });
  });

  test('a worker of another pack than the gallery was switched to leaves it to one that has it', async () => {
    const { gallery, faces, changes } = await setUp();
    await gallery.usePack('accurate');
    const enrolling = changes.enrol(pictureOf(faceOf(faces.stranger())), recordOf('Ada'));
    await assert.rejects(enrolling, { code: 'unavailable' });
  });
});
