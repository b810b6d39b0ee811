import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WorkerHarness } from '../../test/support/worker-harness.ts';
import { NotFoundError, UnavailableError } from '../errors.ts';
import type { EnrolReport } from '../jobs/job.ts';

test('a person who was just added is known to the next job', async () => {
  await using harness = await WorkerHarness.open();
  harness.start();
  await harness.submit('paul');
  await harness.answersTo(1);
  harness.gallery.add('paul');
  await harness.clock.advance(1000);
  const jobId = await harness.submit('paul');
  await harness.answersTo(1);
  const result = await harness.result(jobId);
  assert(result?.status === 'done');
  assert.equal(result.faces[0]?.person?.name, 'paul');
});

test('without a gallery that can be read, jobs are matched against what is here', async () => {
  await using harness = await WorkerHarness.open({ people: ['paul'] });
  const worker = harness.start();
  await harness.submit('nobody');
  await harness.answersTo(1);
  worker.replica.beforeRefresh = () => Promise.reject(new UnavailableError('the state bucket is away'));
  await harness.clock.advance(2000);
  const jobId = await harness.submit('');
  await harness.answersTo(1);
  assert.equal((await harness.result(jobId))?.status, 'done');
});

test('detecting finds faces and names nobody', async () => {
  await using harness = await WorkerHarness.open({ people: ['paul'] });
  harness.start();
  const jobId = await harness.submit('paul', { task: { kind: 'detect' } });
  await harness.answersTo(1);
  const result = await harness.result(jobId);
  assert(result?.status === 'done');
  assert.equal(result.faces.length, 1);
  assert.equal(result.faces[0]?.person, null);
  assert.deepEqual(result.faces[0]?.candidates, []);
});

test('enrolling and embedding anew change the gallery, and the results tell', async () => {
  await using harness = await WorkerHarness.open();
  const report: EnrolReport = {
    verdict: 'enrolled',
    person: 'paul',
    personId: 'id-of-paul',
    message: 'enrolled',
  };
  const templates: unknown[] = [];
  harness.start({
    galleryChanges: () => ({
      enrol: async (picture, record) => {
        assert.ok(picture.faces[0]?.crop, 'enrolment gets crops');
        assert(record.task.kind === 'enrol');
        harness.gallery.add(record.task.person);
        return report;
      },
      addTemplate: async ({ faceId, packId, embedding }) => {
        templates.push({ faceId, packId, floats: embedding.length });
      },
    }),
  });
  const enrolled = await harness.submit('paul', { task: { kind: 'enrol', person: 'paul' } });
  const embedded = await harness.submit('paul', { task: { kind: 'reembed', faceId: 'f', pack: 'accurate' } });
  await harness.answersTo(2);

  const result = await harness.result(enrolled);
  assert(result?.status === 'done');
  assert.deepEqual(result.enrolment, report);
  assert.equal(result.galleryVersion, 1);
  assert.deepEqual(templates, [{ faceId: 'f', packId: 'accurate', floats: 8 }]);
  const second = await harness.result(embedded);
  assert.equal(second?.status === 'done' && second.packId, 'accurate');
});

test('an enrolment for somebody who never was is refused at once', async () => {
  await using harness = await WorkerHarness.open();
  harness.start({
    galleryChanges: () => ({
      enrol: () => Promise.reject(new NotFoundError('there is no such person')),
      addTemplate: () => Promise.reject(new Error('a template was not expected')),
    }),
  });
  const jobId = await harness.submit('paul', { task: { kind: 'enrol', person: 'nobody' } });
  await harness.answersTo(1);
  const result = await harness.result(jobId);
  assert.equal(result?.status === 'failed' && result.error.code, 'bad-request');
});
