import { createHash, randomUUID } from 'node:crypto';
import { createGalleryChanges } from '../../src/gallery/enrolment.ts';
import { Gallery } from '../../src/gallery/gallery.ts';
import { openGalleryReplica } from '../../src/gallery/replica.ts';
import type { DoneResult, FaceResult, JobRecord, JobTask } from '../../src/jobs/job.ts';
import { idBefore, idTimeAt } from '../../src/jobs/job-time.ts';
import { personJobKey } from '../../src/jobs/keys.ts';
import { storeRecord } from '../../src/jobs/record.ts';
import { createResult, peopleIn } from '../../src/jobs/results.ts';
import { type Buckets, resultBucket } from '../../src/jobs/stores.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Face, RecognisedPicture } from '../../src/recognition/types.ts';
import { SyntheticFaces } from './synthetic-faces.ts';

export function faceOf(embedding: Float32Array, sizePx = 100, overall = 0.9): Face {
  const point = { x: 0, y: 0 };
  return {
    box: { x: 0, y: 0, width: sizePx, height: sizePx },
    landmarks: [point, point, point, point, point],
    detectionScore: 0.99,
    quality: { overall, sizePx, embeddingNorm: 70, yawDegrees: 0, rollDegrees: 0, sharpness: 100 },
    embedding,
    crop: createHash('sha512').update(`crop ${embedding.join()}`).digest(),
  };
}

export function pictureOf(...faces: Face[]): RecognisedPicture {
  const timings = { decodeMs: 1, detectMs: 1, embedMs: 1 };
  return { width: 250, height: 250, format: 'jpeg', faces, facesCut: 0, timings, packId: 'fast' };
}

export function recordOf(task: JobTask, options: Partial<JobRecord> = {}): JobRecord {
  const jobId = randomUUID();
  return {
    version: 1,
    jobId,
    inputKey: `uploads/${jobId}`,
    fileName: 'a.jpg',
    contentType: 'image/jpeg',
    sha256: createHash('sha256').update(jobId).digest('hex'),
    sizeBytes: 64,
    submittedAt: Date.now(),
    traceId: '',
    dialect: 'native',
    task,
    ...options,
  };
}

/** As jobs have it: ids begin with their time. */
export function jobIdAt(now: number): string {
  const start = idBefore(idTimeAt(now));
  return start + randomUUID().slice(start.length);
}

/** The jobs of a few people in real buckets, as web tier and worker would leave them, with embeddings made up. */
export class GalleryScene {
  readonly buckets: Buckets;
  readonly clock: Clock;
  readonly gallery: Gallery;
  readonly faces = new SyntheticFaces(11, 192);

  constructor(buckets: Buckets, clock: Clock) {
    this.buckets = buckets;
    this.clock = clock;
    this.gallery = new Gallery({ state: buckets.state, clock });
  }

  /** Stores a picture and its record, as the web tier does. */
  async submit(
    task: JobTask,
    options: Partial<JobRecord> = {},
  ): Promise<{ record: JobRecord; picture: Buffer }> {
    const now = this.clock.now();
    const draft = recordOf(task, { jobId: jobIdAt(now), submittedAt: now, ...options });
    const picture = createHash('sha512').update(`picture ${draft.jobId}`).digest();
    const source = { sizeBytes: picture.length, sha256: draft.sha256, open: () => picture };
    return { record: await storeRecord(this.buckets, this.clock, draft, source), picture };
  }

  /** Enrols this face, as the worker does, and stores the result. */
  async enrol(person: string, face: Face | undefined, options: Partial<JobRecord> = {}) {
    const { record, picture } = await this.submit({ kind: 'enrol', person }, options);
    const enrolment = await this.work(record, face);
    await this.finish(record, { enrolment, faces: [] });
    return { record, picture, enrolment, face };
  }

  async work(record: JobRecord, face: Face | undefined) {
    await using replica = await openGalleryReplica({ state: this.buckets.state, packId: 'fast' });
    const changes = createGalleryChanges({ gallery: this.gallery, replica });
    return changes.enrol(face === undefined ? pictureOf() : pictureOf(face), record);
  }

  /** Recognises this face and stores the result, with the index from people to jobs. */
  async recognise(embedding: Float32Array, options: Partial<JobRecord> = {}) {
    const { record, picture } = await this.submit({ kind: 'recognise' }, options);
    await using replica = await openGalleryReplica({ state: this.buckets.state, packId: 'fast' });
    const [outcome] = await replica.match([{ embedding, sizePx: 100 }], { falsePositiveRate: 0.01 });
    const { box, landmarks, detectionScore, quality } = faceOf(embedding);
    const result = await this.finish(record, {
      faces: [{ box, landmarks, detectionScore, quality, ...outcome! }],
    });
    return { record, picture, result };
  }

  async finish(
    record: JobRecord,
    { enrolment, faces }: Pick<DoneResult, 'enrolment'> & { faces: FaceResult[] },
  ): Promise<DoneResult> {
    const { jobId, fileName, task, submittedAt, traceId } = record;
    const result: DoneResult = {
      ...{ version: 1, jobId, fileName, kind: task.kind, submittedAt, traceId, instanceId: 'i-1' },
      finishedAt: this.clock.now(),
      status: 'done',
      picture: { width: 250, height: 250, format: 'jpeg' },
      faces,
      facesCut: 0,
      packId: 'fast',
      galleryVersion: this.gallery.version,
      timings: { queueMs: 1 },
      ...(enrolment === undefined ? {} : { enrolment }),
    };
    for (const id of peopleIn(result)) await this.buckets.state.put(personJobKey(id, jobId), Buffer.alloc(0));
    await createResult(resultBucket(this.buckets, record.dialect), result);
    return result;
  }
}
