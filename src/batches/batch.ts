import { createHash } from 'node:crypto';

import { errorCode } from '../errors.ts';
import type { GalleryId, JobTask } from '../jobs/job.ts';
import { galleryFact } from '../jobs/job-gallery.ts';
import { batchKey } from '../jobs/keys.ts';
import { parseVersioned } from '../jobs/stored-json.ts';
import type { ObjectStore } from '../ports/object-store.ts';

/** More don't fit into the ids of a batch's jobs. */
export const MAX_BATCH_PICTURES = 20_000;

const BATCH_VERSION = 1;

/**
 * `batches/<batch id>.json` of the state bucket: written when every picture is stored, which is when the batch is
 * accepted. What has become of it since is written by the controller that leads; a web tier adds that it is to be cancelled. Each
 * replaces only the version that it has read.
 */
export interface Batch {
  readonly version: number;
  readonly batchId: string;
  readonly kind: 'zip' | 'ndjson';
  readonly task: JobTask;
  readonly traceId: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Pictures, each a job. */
  readonly total: number;
  /** Files of the archive that are none, such as folders. */
  readonly skipped: number;
  /** Jobs whose messages were sent: those with an index below this. */
  readonly sent: number;
  /** All jobs with an index below this have their result. */
  readonly settled: number;
  /** Of those, how many failed. */
  readonly failed: number;
  /** When somebody asked for its end; what is not finished from then on is cancelled. */
  readonly cancelledAt?: number;
  /** Absent until every job has its result. */
  readonly finishedAt?: number;
}

/** A batch as clients are told of it. */
export interface BatchState {
  readonly batchId: string;
  /** `cancelling`: some of its jobs have no result yet, and will be cancelled. */
  readonly status: 'running' | 'done' | 'cancelling' | 'cancelled';
  readonly kind: Batch['kind'];
  readonly total: number;
  readonly skipped: number;
  readonly sent: number;
  readonly finished: number;
  readonly failed: number;
  readonly createdAt: number;
  readonly finishedAt?: number;
  readonly galleryId?: GalleryId;
}

export function stateOf(batch: Batch): BatchState {
  const { batchId, kind, total, skipped, sent, settled, failed, createdAt, finishedAt, cancelledAt } = batch;
  const [open, over] =
    cancelledAt === undefined ? (['running', 'done'] as const) : (['cancelling', 'cancelled'] as const);
  return {
    ...{ batchId, status: finishedAt === undefined ? open : over },
    ...{ kind, total, skipped, sent, finished: settled, failed, createdAt },
    ...(finishedAt !== undefined && { finishedAt }),
    ...galleryFact(batch.task),
  };
}

export function newBatch(
  facts: Pick<Batch, 'batchId' | 'kind' | 'task' | 'traceId' | 'createdAt' | 'total' | 'skipped'>,
): Batch {
  return { version: BATCH_VERSION, ...facts, sent: 0, settled: 0, failed: 0 };
}

/**
 * The id of a batch's job: a UUIDv7 of the batch's own time in which the index is the next part, so the jobs of a batch
 * are listed in its order; the rest follows from batch id and index. Whoever repeats a step of the batch comes to the same
 * ids, which is what makes every step safe to repeat.
 */
export function batchJobId(batchId: string, index: number): string {
  const digest = createHash('sha256').update(`${batchId}/${index}`).digest('hex');
  const high = (index >> 8).toString(16).padStart(3, '0');
  const low = BigInt(index & 0xff);
  // Two bits say that it is a UUID, eight are the index, 54 the hash.
  const rest = ((2n << 62n) | (low << 54n) | (BigInt(`0x${digest.slice(0, 14)}`) >> 2n)).toString(16);
  return `${batchId.slice(0, 14)}7${high}-${rest.slice(0, 4)}-${rest.slice(4)}`;
}

export interface StoredBatch {
  readonly batch: Batch;
  readonly etag: string;
}

/** Undefined when there is none with this id, or it is not accepted yet. */
export async function readBatch(state: ObjectStore, batchId: string): Promise<StoredBatch | undefined> {
  const key = batchKey(batchId);
  const stored = await state.get(key);
  if (stored === undefined) return undefined;
  const fields = {
    batchId: 'string',
    task: 'object',
    createdAt: 'number',
    total: 'number',
    sent: 'number',
    settled: 'number',
    failed: 'number',
  } as const;
  const batch = parseVersioned((await stored.bytes()).toString('utf8'), 'batch', fields, { key });
  return { batch: batch as unknown as Batch, etag: stored.info.etag };
}

/** Accepts the batch, unless that has happened. */
export async function createBatch(state: ObjectStore, batch: Batch): Promise<void> {
  try {
    await state.put(batchKey(batch.batchId), encode(batch), {
      contentType: 'application/json',
      ifNoneMatch: '*',
    });
  } catch (error) {
    if (errorCode(error) !== 'precondition-failed') throw error;
  }
}

/** Rejects with PreconditionFailedError when somebody else has written since. */
export async function rewriteBatch(state: ObjectStore, batch: Batch, etag: string): Promise<void> {
  await state.put(batchKey(batch.batchId), encode(batch), { contentType: 'application/json', ifMatch: etag });
}

/** Asks for its end, unless it has been asked for or has come; resolves to the batch as it is then. Undefined: there is none. */
export async function cancelBatch(
  state: ObjectStore,
  batchId: string,
  now: number,
): Promise<Batch | undefined> {
  for (;;) {
    const stored = await readBatch(state, batchId);
    if (stored === undefined) return undefined;
    const { batch, etag } = stored;
    if (batch.cancelledAt !== undefined || batch.finishedAt !== undefined) return batch;
    const cancelled = { ...batch, cancelledAt: now };
    try {
      await rewriteBatch(state, cancelled, etag);
      return cancelled;
    } catch (error) {
      // The controller writes once a second while the batch runs.
      if (errorCode(error) !== 'precondition-failed') throw error;
    }
  }
}

function encode(batch: Batch): Buffer {
  return Buffer.from(JSON.stringify(batch));
}
