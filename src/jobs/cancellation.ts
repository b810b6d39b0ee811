import type { Clock } from '../ports/clock.ts';
import { type FailedResult, JOB_FORMAT_VERSION, type JobRecord, type JobResult } from './job.ts';
import { galleryFact } from './job-gallery.ts';
import { recordKey } from './keys.ts';
import { readRecord } from './record.ts';
import { createResult, readResult } from './results.ts';
import { type Buckets, pictureBucket, resultBucket } from './stores.ts';

/**
 * `cancelled`: it has been, now or before. `finished`: it had its result already. `cannot`: it changes the gallery, and
 * nobody could tell whether it has. Undefined: there is no such job.
 */
export type Cancellation =
  | { readonly outcome: 'cancelled' | 'finished'; readonly result: JobResult }
  | { readonly outcome: 'cannot' }
  | undefined;

/**
 * Cancels a job that has no result yet.
 *
 * Its result is created first, and only once: a worker that has begun finds it and stores none of its own. Then the
 * picture goes, so that a worker that has not begun never does. Its message is dropped by whoever receives it.
 */
export async function cancelJob(buckets: Buckets, clock: Clock, jobId: string): Promise<Cancellation> {
  const record = await readRecord(buckets, jobId);
  if (record === undefined) return settled(buckets, jobId);
  const results = resultBucket(buckets, record.dialect);
  const { kind } = record.task;
  if (kind !== 'recognise' && kind !== 'detect') {
    const known = await readResult(results, jobId);
    return known === undefined ? { outcome: 'cannot' } : { outcome: 'finished', result: known.result };
  }
  const result = cancelledResult(record, clock.now());
  if (await createResult(results, result)) {
    await removePicture(buckets, record);
    return { outcome: 'cancelled', result };
  }
  const cancellation = await settled(buckets, jobId);
  // Whoever cancelled it first may have died before the picture was gone.
  if (cancellation?.outcome === 'cancelled') await removePicture(buckets, record);
  return cancellation;
}

/** Where a cancelled job has no record any more, its result tells. */
async function settled(buckets: Buckets, jobId: string): Promise<Cancellation> {
  const found = (await readResult(buckets.output, jobId)) ?? (await readResult(buckets.state, jobId));
  if (found === undefined) return undefined;
  const { result } = found;
  return { outcome: isCancelled(result) ? 'cancelled' : 'finished', result };
}

function isCancelled(result: JobResult): boolean {
  return result.status === 'failed' && result.error.code === 'cancelled';
}

/** In the course dialect the picture stays, for other jobs may have come with the same one; without its record nobody finds it. */
async function removePicture(buckets: Buckets, { jobId, dialect, task, inputKey }: JobRecord): Promise<void> {
  if (dialect === 'course' && task.kind === 'recognise') await buckets.state.delete(recordKey(jobId));
  else await pictureBucket(buckets, dialect, task.kind).delete(inputKey);
}

function cancelledResult(record: JobRecord, now: number): FailedResult {
  const { jobId, fileName, task, submittedAt, traceId } = record;
  return {
    version: JOB_FORMAT_VERSION,
    jobId,
    fileName,
    kind: task.kind,
    submittedAt,
    finishedAt: now,
    traceId,
    instanceId: 'web',
    ...galleryFact(task),
    status: 'failed',
    error: { code: 'cancelled', message: 'the job was cancelled' },
  };
}
