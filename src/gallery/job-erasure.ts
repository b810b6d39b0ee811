import { createHash } from 'node:crypto';
import { PreconditionFailedError } from '../errors.ts';
import { courseOutputKey, stemOf } from '../jobs/course-names.ts';
import type {
  DoneResult,
  EnrolReport,
  FaceResult,
  FailedResult,
  GalleryId,
  JobRecord,
  JobResult,
} from '../jobs/job.ts';
import { galleryFact } from '../jobs/job-gallery.ts';
import { idBefore, idTimeAt } from '../jobs/job-time.ts';
import { courseNameKey, inputKey, recordKey, resultKey } from '../jobs/keys.ts';
import { readRecord, recordOfMetadata } from '../jobs/record.ts';
import { createResult, readResult, replaceResult } from '../jobs/results.ts';
import { type Buckets, pictureBucket, resultBucket } from '../jobs/stores.ts';
import type { ObjectStore } from '../ports/object-store.ts';

/** Who is being erased, in every way that a job may refer to them. */
export interface ErasedIdentity {
  /** The person's id and those that were merged into it. */
  readonly personIds: ReadonlySet<string>;
  /** Undefined when only a face is erased: then a name alone says nothing. */
  readonly name: string | undefined;
  readonly faceIds: ReadonlySet<string>;
  /** Undefined is the default gallery: people of the same name in others are others. */
  readonly galleryId: GalleryId | undefined;
  /** The whole gallery goes, and with it whatever was asked about it. */
  readonly isWholeGallery?: boolean;
}

/**
 * Rids one job of a person. Where they were recognised or enrolled the result becomes `erased` and the picture goes;
 * where they were only a candidate for somebody else's face, they are struck from the list.
 */
export async function eraseFromJob(
  buckets: Buckets,
  jobId: string,
  who: ErasedIdentity,
  isKnownToBe = false,
): Promise<void> {
  const record = await readRecord(buckets, jobId);
  let isAbout = isKnownToBe || (record !== undefined && asksAbout(record, who));
  const source = isAbout && who.name !== undefined ? sourceOf(record) : undefined;
  // Before this one, whose record is what names it.
  if (source !== undefined) await eraseFromJob(buckets, source, who, true);
  for (const bucket of [buckets.output, buckets.state]) {
    isAbout = (await eraseResult(bucket, jobId, who, isAbout)) || isAbout;
  }
  if (!isAbout || record === undefined) return;
  // A job that nobody has worked off gets its answer now, else a client that repeats it would bring it back.
  await createResult(resultBucket(buckets, record.dialect), erasedJob(record));
  await erasePicture(buckets, record);
}

/** The recognition from whose picture a face was enrolled: the person is on it, though its result may not say so. */
function sourceOf(record: JobRecord | undefined): string | undefined {
  return record?.task.kind === 'enrol' ? record.task.fromJobId : undefined;
}

/** Pictures whose records are looked at together. */
const LOOKS_AT_ONCE = 16;

/**
 * Jobs whose picture was sent in to enrol this person or re-embed one of their faces, done or still queued, as their records
 * say: with `before` (milliseconds since the epoch) only those that were submitted earlier.
 */
export async function* jobsSentInFor(
  { input, state }: Buckets,
  who: ErasedIdentity,
  before = Number.POSITIVE_INFINITY,
): AsyncGenerator<string, void, undefined> {
  // Job ids begin with their time, and keys come in order.
  const end = before === Number.POSITIVE_INFINITY ? undefined : inputKey(idBefore(idTimeAt(before)));
  for (const bucket of [input, state]) {
    let keys: string[] = [];
    for await (const { key } of bucket.list({ prefix: inputKey('') })) {
      if (end !== undefined && key >= end) break;
      keys.push(key);
      if (keys.length < LOOKS_AT_ONCE) continue;
      yield* await askedAbout(bucket, keys, who);
      keys = [];
    }
    yield* await askedAbout(bucket, keys, who);
  }
}

async function askedAbout(
  bucket: ObjectStore,
  keys: readonly string[],
  who: ErasedIdentity,
): Promise<string[]> {
  const jobIds = keys.map(async (key) => {
    const info = await bucket.head(key);
    if (info === undefined) return [];
    const record = recordOfMetadata(info.metadata, key);
    return asksAbout(record, who) ? [record.jobId] : [];
  });
  return (await Promise.all(jobIds)).flat();
}

function asksAbout({ task }: JobRecord, who: ErasedIdentity): boolean {
  const { personIds, name, faceIds, galleryId, isWholeGallery = false } = who;
  const isOfGallery = ('gallery' in task ? task.gallery : undefined) === galleryId;
  if (isWholeGallery && isOfGallery && task.kind !== 'detect' && task.kind !== 'compare') return true;
  if (task.kind === 'reembed') return faceIds.has(task.faceId);
  if (task.kind !== 'enrol' || name === undefined) return false;
  return personIds.has(task.person) || (isOfGallery && task.person.normalize('NFC').trim() === name);
}

/** Resolves to whether the result was about the person. */
async function eraseResult(
  bucket: ObjectStore,
  jobId: string,
  who: ErasedIdentity,
  isAboutThem: boolean,
): Promise<boolean> {
  for (;;) {
    const stored = await readResult(bucket, jobId);
    if (stored === undefined) return false;
    const isAbout = isAboutThem || recognises(stored.result, who);
    const cleaned = isAbout ? erasedResult(stored.result) : withoutMentions(stored.result, who);
    try {
      if (cleaned !== stored.result) await replaceResult(bucket, cleaned, stored.etag);
    } catch (error) {
      if (error instanceof PreconditionFailedError) continue;
      throw error;
    }
    // Also when it was clean: whoever cleaned it may have died before this.
    await bucket.forgetVersions(resultKey(jobId));
    return isAbout;
  }
}

function recognises(result: JobResult, { personIds, faceIds, name }: ErasedIdentity): boolean {
  if (result.status !== 'done') return false;
  const { enrolment, faces } = result;
  if (enrolment?.faceId !== undefined && faceIds.has(enrolment.faceId)) return true;
  if (name === undefined) return false;
  const isEnrolment = enrolment?.personId !== undefined && personIds.has(enrolment.personId);
  return isEnrolment || faces.some(({ person }) => person !== null && personIds.has(person.id));
}

/** The same object when it names nobody of them. */
function withoutMentions(result: JobResult, { personIds, name }: ErasedIdentity): JobResult {
  if (result.status !== 'done' || name === undefined) return result;
  const faces = result.faces.map((face) => withoutCandidates(face, personIds));
  const enrolment = result.enrolment && withoutLookalike(result.enrolment, personIds);
  const isSame = enrolment === result.enrolment && faces.every((face, at) => face === result.faces[at]);
  if (isSame) return result;
  return { ...result, faces, ...(enrolment === undefined ? {} : { enrolment }) } satisfies DoneResult;
}

/** What the face's best similarity was is no longer said when it was theirs. */
function withoutCandidates(face: FaceResult, personIds: ReadonlySet<string>): FaceResult {
  const candidates = face.candidates.filter(({ personId }) => !personIds.has(personId));
  if (candidates.length === face.candidates.length) return face;
  const wasBest = candidates[0] !== face.candidates[0];
  return wasBest && face.person === null
    ? { ...face, candidates, similarity: null, margin: null, threshold: null, falseMatchRate: null }
    : { ...face, candidates, margin: null };
}

function withoutLookalike(report: EnrolReport, personIds: ReadonlySet<string>): EnrolReport {
  if (report.resembles === undefined || !personIds.has(report.resembles.personId)) return report;
  const { resembles: _, ...rest } = report;
  return { ...rest, message: 'resembled a person who was erased since' };
}

const ERASED = { code: 'erased', message: 'the person whom this was about was erased' } as const;

/** File names often are people's names. */
function erasedResult(result: JobResult): JobResult {
  if (result.status === 'failed' && result.error.code === 'erased' && result.fileName === '') return result;
  const { version, jobId, kind, submittedAt, finishedAt, traceId, instanceId, galleryId } = result;
  const facts = { version, jobId, kind, submittedAt, finishedAt, traceId, instanceId };
  const gallery = galleryId === undefined ? {} : { galleryId };
  return { ...facts, ...gallery, fileName: '', status: 'failed', error: ERASED } satisfies FailedResult;
}

function erasedJob({ version, jobId, task, submittedAt, traceId }: JobRecord): FailedResult {
  const facts = { version, jobId, kind: task.kind, submittedAt, traceId, ...galleryFact(task) };
  const nobody = { fileName: '', finishedAt: submittedAt, instanceId: '' };
  return { ...facts, ...nobody, status: 'failed', error: ERASED };
}

async function erasePicture(buckets: Buckets, record: JobRecord): Promise<void> {
  if (record.dialect === 'course' && record.task.kind === 'recognise') {
    const stem = createHash('sha256').update(stemOf(record.inputKey)).digest('hex');
    await buckets.output.delete(courseOutputKey(record.inputKey));
    await buckets.state.delete(courseNameKey(stem));
    await buckets.state.delete(recordKey(record.jobId));
  }
  // Last: it is what a repeat after a crash finds the rest by.
  await pictureBucket(buckets, record.dialect, record.task.kind).delete(record.inputKey);
}
