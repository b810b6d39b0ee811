import { errorCode, FacefleetError } from '../errors.ts';
import { webhookKey } from '../jobs/keys.ts';
import { parseVersioned } from '../jobs/stored-json.ts';
import type { ObjectStore } from '../ports/object-store.ts';

/** Whom to call when a job, or a batch, is finished. */
export interface Webhook {
  readonly url: string;
  /** What calls are signed with. */
  readonly secret: string;
}

/** `webhooks/<id of job or batch>.json` of the state bucket: a call that is owed. Gone, with the secret, when it has been delivered. */
export interface OwedCall extends Webhook {
  readonly version: number;
  /** Of the batch, where it is about one. */
  readonly jobId: string;
  /** What it is about; absent for a job. */
  readonly about?: 'batch';
  readonly traceId: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Calls that failed so far. */
  readonly attempts: number;
  /** Not before, milliseconds since the epoch. */
  readonly nextAt: number;
  readonly lastFailure?: string;
}

const WEBHOOK_VERSION = 1;
const MAX_URL_LENGTH = 2048;
const SECRET = /^[\x21-\x7e]{16,256}$/;

/** @throws FacefleetError `bad-request` when a secret is too short to be one, or the address too long. */
export function checkWebhook({ url, secret }: Webhook): void {
  if (url.length > MAX_URL_LENGTH) {
    throw new FacefleetError('bad-request', `the webhook has more than ${MAX_URL_LENGTH} characters`);
  }
  if (!SECRET.test(secret)) {
    throw new FacefleetError('bad-request', 'the webhook secret is not 16 to 256 printable ASCII characters');
  }
}

/** Puts down that the call is owed, unless it is known already. */
export async function oweCall(
  state: ObjectStore,
  webhook: Webhook,
  job: { jobId: string; traceId: string; now: number; about?: 'batch' },
): Promise<void> {
  const { jobId, traceId, now, about } = job;
  const call: OwedCall = {
    version: WEBHOOK_VERSION,
    jobId,
    ...(about !== undefined && { about }),
    traceId,
    ...webhook,
    createdAt: now,
    attempts: 0,
    nextAt: 0,
  };
  try {
    await state.put(webhookKey(jobId), encode(call), { contentType: 'application/json', ifNoneMatch: '*' });
  } catch (error) {
    if (errorCode(error) !== 'precondition-failed') throw error;
  }
}

export async function readOwedCall(
  state: ObjectStore,
  jobId: string,
): Promise<{ call: OwedCall; etag: string } | undefined> {
  const key = webhookKey(jobId);
  const stored = await state.get(key);
  if (stored === undefined) return undefined;
  const fields = {
    jobId: 'string',
    url: 'string',
    secret: 'string',
    attempts: 'number',
    nextAt: 'number',
  } as const;
  const call = parseVersioned((await stored.bytes()).toString('utf8'), 'webhook', fields, { key });
  return { call: call as unknown as OwedCall, etag: stored.info.etag };
}

/** Rejects with PreconditionFailedError when somebody else has changed it since. */
export async function rewriteOwedCall(state: ObjectStore, call: OwedCall, etag: string): Promise<void> {
  await state.put(webhookKey(call.jobId), encode(call), { contentType: 'application/json', ifMatch: etag });
}

function encode(call: OwedCall): Buffer {
  return Buffer.from(JSON.stringify(call));
}
