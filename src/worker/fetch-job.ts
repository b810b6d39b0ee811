import type { Dialect, JobRecord } from '../jobs/job.ts';
import { inputKey } from '../jobs/keys.ts';
import { readRecord, recordOfMetadata } from '../jobs/record.ts';
import { type Buckets, pictureBucket } from '../jobs/stores.ts';
import type { StoredObject } from '../ports/object-store.ts';

/** What a message stands for. */
export interface FetchedJob {
  readonly record: JobRecord;
  /** The picture, unread; undefined when it was erased or swept meanwhile. */
  readonly upload: StoredObject | undefined;
}

/**
 * Finds record and picture of a job, of a native upload with one request. Looks first where the dialect would have it;
 * jobs of the other one are found too. Undefined when nothing is left of the job.
 */
export async function fetchJob(
  buckets: Buckets,
  jobId: string,
  dialect: Dialect,
): Promise<FetchedJob | undefined> {
  const upload = dialect === 'native' ? await buckets.input.get(inputKey(jobId)) : undefined;
  if (upload !== undefined) {
    return { record: recordOfMetadata(upload.info.metadata, upload.info.key), upload };
  }
  const record = await readRecord(buckets, jobId);
  if (record === undefined) return undefined;
  const bucket = pictureBucket(buckets, record.dialect, record.task.kind);
  return { record, upload: await bucket.get(record.inputKey) };
}
