import { createHash } from 'node:crypto';
import { parse } from 'node:path/posix';

import { errorCode } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import { courseNameKey } from './keys.ts';
import { parseVersioned } from './stored-json.ts';
import type { Buckets } from './stores.ts';

/** `test_00` of `test_00.jpg`; a name that is all extension is its own stem. */
export function stemOf(fileName: string): string {
  return parse(fileName).name;
}

/** Course dialect: the output object that belongs to an input object. */
export function courseOutputKey(inputKey: string): string {
  return stemOf(inputKey);
}

/** Course dialect: the input key of a picture whose name is taken. */
export function courseSubstituteKey(fileName: string, jobId: string): string {
  return `${stemOf(fileName)}~${jobId}${parse(fileName).ext}`;
}

/** Who holds a stem; its output object is named by nothing else. */
interface NameClaim {
  readonly version: number;
  readonly inputKey: string;
  readonly sha256: string;
  readonly claimedAt: number;
}

export interface NameRequest {
  readonly fileName: string;
  readonly sha256: string;
  readonly jobId: string;
}

/** A claim whose picture isn't there is somebody's upload under way, or, after this time, a bucket emptied by hand. */
const CLAIM_GRACE_MS = 60_000;
const LOOKS_SUBSTITUTED = /~[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * Course dialect: the input key for a picture. That is its file name, unless other bytes hold it or a name of the
 * same stem and another extension is held (both would answer in one output object): then `stem~<job id>.ext`.
 *
 * Holding is decided by a create-only claim per stem, so that of uploads at the same time one gets the plain name.
 */
export async function claimCourseKey(
  { state, input }: Buckets,
  clock: Clock,
  { fileName, sha256, jobId }: NameRequest,
): Promise<string> {
  if (fileName === '') return jobId;
  const substitute = courseSubstituteKey(fileName, jobId);
  // Names that look like a substitute could otherwise be aimed at another job's object.
  if (LOOKS_SUBSTITUTED.test(stemOf(fileName))) return substitute;

  const key = courseNameKey(createHash('sha256').update(stemOf(fileName)).digest('hex'));
  const claim: NameClaim = { version: 1, inputKey: fileName, sha256, claimedAt: clock.now() };
  const body = Buffer.from(JSON.stringify(claim));
  if (await putIf(state.put(key, body, { ifNoneMatch: '*' }))) return fileName;

  const stored = await state.get(key);
  if (stored === undefined) return substitute;
  const holder = parseClaim((await stored.bytes()).toString('utf8'));
  if (holder.inputKey === fileName && holder.sha256 === sha256) return fileName;
  const isAbandoned =
    clock.now() - holder.claimedAt > CLAIM_GRACE_MS && (await input.head(holder.inputKey)) === undefined;
  if (!isAbandoned) return substitute;
  return (await putIf(state.put(key, body, { ifMatch: stored.info.etag }))) ? fileName : substitute;
}

function parseClaim(text: string): NameClaim {
  return parseVersioned(text, 'name claim', {
    inputKey: 'string',
    sha256: 'string',
    claimedAt: 'number',
  }) as unknown as NameClaim;
}

async function putIf(put: Promise<unknown>): Promise<boolean> {
  try {
    await put;
    return true;
  } catch (error) {
    if (errorCode(error) === 'precondition-failed') return false;
    throw error;
  }
}
