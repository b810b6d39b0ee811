import type { Readable } from 'node:stream';
import { FacefleetError } from '../errors.ts';
import { MAX_METADATA_BYTES, metadataBytes } from '../portable-metadata.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore, PutOptions } from '../ports/object-store.ts';
import { claimCourseKey } from './course-names.ts';
import type { Dialect, JobRecord } from './job.ts';
import { inputKey, recordKey } from './keys.ts';
import { noteSentIn } from './sent-in.ts';
import { parseVersioned } from './stored-json.ts';
import { type Buckets, pictureBucket } from './stores.ts';

/** The metadata field of the input object that holds the record. */
const RECORD_FIELD = 'record';

/** The bytes of a picture: opened again for each attempt to store them. */
export interface PictureSource {
  readonly sizeBytes: number;
  /** Hex. */
  readonly sha256: string;
  open(): Uint8Array | Readable;
}

/** A record but for the key, which is settled when the picture is stored. */
export type RecordDraft = Omit<JobRecord, 'inputKey'>;

/**
 * Stores the picture and the record of a job and resolves to the record. Repeating it for one job id changes nothing.
 *
 * @throws FacefleetError `limit-exceeded` when names and texts in it are too long to be kept as metadata.
 */
export async function storeRecord(
  buckets: Buckets,
  clock: Clock,
  draft: RecordDraft,
  picture: PictureSource,
): Promise<JobRecord> {
  const bucket = pictureBucket(buckets, draft.dialect, draft.task.kind);
  await noteSentIn(buckets.state, clock, draft);
  if (isCourseNamed(draft)) {
    const record = { ...draft, inputKey: await claimCourseKey(buckets, clock, draft) };
    await putPicture(bucket, record, picture, {});
    await buckets.state.put(recordKey(record.jobId), Buffer.from(JSON.stringify(record)), {
      contentType: 'application/json',
    });
    return record;
  }
  const record = { ...draft, inputKey: inputKey(draft.jobId) };
  await putPicture(bucket, record, picture, { metadata: { [RECORD_FIELD]: encodeMetadata(record) } });
  return record;
}

/** Finds the record of a job, whichever dialect it was submitted in; undefined when there is no such job. */
export async function readRecord(buckets: Buckets, jobId: string): Promise<JobRecord | undefined> {
  return (
    (await recordOfUpload(buckets.input, jobId)) ??
    (await recordObject(buckets.state, jobId)) ??
    (await recordOfUpload(buckets.state, jobId))
  );
}

/** The record that an input object of the native dialect carries. */
export function recordOfMetadata(metadata: Readonly<Record<string, string>>, key: string): JobRecord {
  const text = metadata[RECORD_FIELD];
  if (text === undefined) {
    throw new FacefleetError('data-corrupt', 'an upload carries no record', { context: { key } });
  }
  return parseRecord(text, key);
}

function isCourseNamed(draft: { dialect: Dialect; task: JobRecord['task'] }): boolean {
  return draft.dialect === 'course' && draft.task.kind === 'recognise';
}

async function putPicture(
  bucket: ObjectStore,
  record: JobRecord,
  picture: PictureSource,
  options: PutOptions,
): Promise<void> {
  await bucket.put(record.inputKey, picture.open(), {
    ...options,
    contentType: record.contentType,
    maxBytes: picture.sizeBytes,
  });
}

async function recordOfUpload(bucket: ObjectStore, jobId: string): Promise<JobRecord | undefined> {
  const key = inputKey(jobId);
  const info = await bucket.head(key);
  return info && recordOfMetadata(info.metadata, key);
}

async function recordObject(state: ObjectStore, jobId: string): Promise<JobRecord | undefined> {
  const key = recordKey(jobId);
  const stored = await state.get(key);
  return stored && parseRecord((await stored.bytes()).toString('utf8'), key);
}

function parseRecord(text: string, key: string): JobRecord {
  const fields = {
    jobId: 'string',
    inputKey: 'string',
    fileName: 'string',
    contentType: 'string',
    sha256: 'string',
    sizeBytes: 'number',
    submittedAt: 'number',
    traceId: 'string',
    dialect: 'string',
    task: 'object',
  } as const;
  return parseVersioned(text, 'job record', fields, { key }) as unknown as JobRecord;
}

/** JSON escapes the control characters below a space by itself; metadata may hold no others either. */
function encodeMetadata(record: JobRecord): string {
  const text = JSON.stringify(record).replaceAll(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  const bytes = metadataBytes({ [RECORD_FIELD]: text });
  if (bytes <= MAX_METADATA_BYTES) return text;
  throw new FacefleetError(
    'limit-exceeded',
    `file name, content type and task take ${bytes} bytes of metadata, expected at most ${MAX_METADATA_BYTES}`,
    { context: { jobId: record.jobId } },
  );
}
