import { createHash } from 'node:crypto';
import { createGalleryChanges } from '../../src/gallery/enrolment.ts';
import { Gallery } from '../../src/gallery/gallery.ts';
import { openGalleryReplica } from '../../src/gallery/replica.ts';
import type { JobRecord, JobResult } from '../../src/jobs/job.ts';
import { doneResult, FakeWorker, failedResult } from './fake-worker.ts';
import { faceOf, pictureOf } from './gallery-scene.ts';
import type { MemoryDeployment } from './memory-deployment.ts';
import { SyntheticFaces } from './synthetic-faces.ts';

/**
 * A worker that enrols and re-embeds in a real gallery. Its pictures are text, a face a word; different words are
 * strangers. `bad-image` is no picture.
 */
export async function startGalleryWorker(deployment: MemoryDeployment): Promise<FakeWorker> {
  const { state, clock } = deployment;
  const replica = await openGalleryReplica({ state, packId: 'fast' });
  const changes = createGalleryChanges({ gallery: new Gallery({ state, clock }), replica });
  return FakeWorker.start(deployment, async (record, picture): Promise<JobResult> => {
    const text = picture.toString();
    if (text === 'bad-image') return failedResult(record, 'bad-image', 'this is no picture');
    if (record.task.kind === 'reembed') {
      const { faceId, pack: packId } = record.task;
      await changes.addTemplate({ faceId, packId, embedding: embeddingOf(`${packId} ${text}`, 16) });
      return doneResult(record);
    }
    const faces = text
      .split(' ')
      .filter((word) => word !== '')
      .map((word) => faceOf(embeddingOf(word, 24)));
    return {
      ...doneResult(record),
      enrolment: await changes.enrol(pictureOf(...faces), record as JobRecord),
    };
  });
}

function embeddingOf(text: string, dimensions: number): Float32Array {
  const seed = createHash('sha256').update(text).digest().readUInt32LE();
  return new SyntheticFaces(seed, dimensions).stranger();
}
