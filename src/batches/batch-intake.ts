import { createHash } from 'node:crypto';

import { FacefleetError } from '../errors.ts';
import { type Dialect, type FailedResult, JOB_FORMAT_VERSION, type JobTask } from '../jobs/job.ts';
import { galleryFact } from '../jobs/job-gallery.ts';
import { type RecordDraft, storeRecord } from '../jobs/record.ts';
import { createResult } from '../jobs/results.ts';
import { type Buckets, resultBucket } from '../jobs/stores.ts';
import type { Clock } from '../ports/clock.ts';
import { batchJobId } from './batch.ts';
import type { BatchPicture } from './batch-source.ts';

export interface IntakeOptions {
  readonly buckets: Buckets;
  readonly clock: Clock;
  readonly dialect: Dialect;
  readonly batchId: string;
  readonly createdAt: number;
  readonly traceId: string;
  readonly task: JobTask;
  /** Whether bytes begin like a picture. */
  readonly looksLikePicture: (head: Buffer) => boolean;
  /** What a picture is called to be. */
  readonly contentTypeOf: (fileName: string) => string | undefined;
}

/**
 * Stores the pictures of a batch with their records, each under the job id that follows from the batch. Repeating it
 * changes nothing. What is no picture gets its result at once.
 */
export async function storePictures(
  pictures: AsyncIterable<BatchPicture>,
  options: IntakeOptions,
): Promise<void> {
  let index = 0;
  for await (const { fileName, content } of pictures) await storePicture(index++, fileName, content, options);
}

async function storePicture(
  index: number,
  fileName: string,
  content: Buffer | FacefleetError,
  options: IntakeOptions,
): Promise<void> {
  const { buckets, clock, dialect, batchId, createdAt, traceId, task, contentTypeOf } = options;
  const jobId = batchJobId(batchId, index);
  if (!(content instanceof Buffer) || !options.looksLikePicture(content)) {
    const message = content instanceof FacefleetError ? content.message : 'not a picture we read';
    await createResult(resultBucket(buckets, dialect), refused(jobId, fileName, message, options));
    return;
  }
  const sha256 = createHash('sha256').update(content).digest('hex');
  const draft: RecordDraft = {
    version: JOB_FORMAT_VERSION,
    jobId,
    fileName,
    contentType: contentTypeOf(fileName) ?? 'application/octet-stream',
    sha256,
    sizeBytes: content.length,
    submittedAt: createdAt,
    traceId,
    dialect,
    task,
    batchId,
  };
  await storeRecord(buckets, clock, draft, { sizeBytes: content.length, sha256, open: () => content });
}

function refused(jobId: string, fileName: string, message: string, options: IntakeOptions): FailedResult {
  const { createdAt, clock, traceId, task } = options;
  return {
    version: JOB_FORMAT_VERSION,
    jobId,
    fileName,
    kind: task.kind,
    submittedAt: createdAt,
    finishedAt: clock.now(),
    traceId,
    instanceId: 'web',
    ...galleryFact(task),
    status: 'failed',
    error: { code: 'bad-image', message },
  };
}
