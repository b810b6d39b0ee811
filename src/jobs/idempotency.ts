import { createHash } from 'node:crypto';
import { errorCode, FacefleetError, PreconditionFailedError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { JOB_FORMAT_VERSION } from './job.ts';
import { idempotencyKey } from './keys.ts';
import { parseVersioned } from './stored-json.ts';

/** How long a key stands for its job. */
export const IDEMPOTENCY_HOURS = 24;
const MAX_ATTEMPTS = 5;

/** A caller's promise that requests with this key and the same body are one. */
export interface IdempotencyClaim {
  /** Who asks: keys of different callers never meet. */
  readonly caller: string;
  readonly key: string;
}

interface IdempotencyRecord {
  readonly version: number;
  readonly jobId: string;
  readonly bodyHash: string;
  readonly createdAt: number;
}

/** The key was used with another body. */
export class IdempotencyMismatchError extends FacefleetError {
  constructor(jobId: string) {
    super('conflict', 'the Idempotency-Key was used before with another picture, file name or options', {
      context: { jobId },
    });
  }
}

/**
 * Binds the key to the job, or finds the job that it is bound to.
 *
 * @throws IdempotencyMismatchError when that job came with another body.
 */
export async function bindIdempotencyKey(
  state: ObjectStore,
  clock: Clock,
  { caller, key }: IdempotencyClaim,
  { jobId, bodyHash }: { jobId: string; bodyHash: string },
): Promise<{ jobId: string; isNew: boolean }> {
  const objectKey = idempotencyKey(sha256(JSON.stringify([caller, key])));
  const createdAt = clock.now();
  const record: IdempotencyRecord = { version: JOB_FORMAT_VERSION, jobId, bodyHash, createdAt };
  const body = Buffer.from(JSON.stringify(record));
  let condition: { ifNoneMatch: '*' } | { ifMatch: string } = { ifNoneMatch: '*' };
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    if (await putIf(state, objectKey, body, condition)) return { jobId, isNew: true };
    const stored = await state.get(objectKey);
    if (stored === undefined) {
      condition = { ifNoneMatch: '*' };
      continue;
    }
    const bound = parseRecord((await stored.bytes()).toString('utf8'), objectKey);
    if (createdAt - bound.createdAt < IDEMPOTENCY_HOURS * 3_600_000) {
      if (bound.bodyHash !== bodyHash) throw new IdempotencyMismatchError(bound.jobId);
      return { jobId: bound.jobId, isNew: false };
    }
    condition = { ifMatch: stored.info.etag };
  }
  throw new PreconditionFailedError('an Idempotency-Key kept changing hands', {
    context: { key: objectKey, attempts: MAX_ATTEMPTS },
  });
}

async function putIf(
  state: ObjectStore,
  key: string,
  body: Uint8Array,
  condition: { ifNoneMatch: '*' } | { ifMatch: string },
): Promise<boolean> {
  try {
    await state.put(key, body, { ...condition, contentType: 'application/json' });
    return true;
  } catch (error) {
    if (errorCode(error) === 'precondition-failed') return false;
    throw error;
  }
}

function parseRecord(text: string, key: string): IdempotencyRecord {
  const fields = { jobId: 'string', bodyHash: 'string', createdAt: 'number' } as const;
  return parseVersioned(text, 'idempotency record', fields, { key }) as unknown as IdempotencyRecord;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
