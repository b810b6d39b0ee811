import { errorCode, FacefleetError } from '../errors.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { DoneResult, JobResult } from './job.ts';
import { resultKey } from './keys.ts';
import { expectFields, parseVersioned } from './stored-json.ts';

/** A hundred faces with their candidates take some 200 KB. */
const MAX_RESULT_BYTES = 16 * 1024 * 1024;

/** @throws FacefleetError `data-corrupt` when the text is no result of ours. */
export function parseResult(text: string): JobResult {
  const value = parseVersioned(text, 'job result', {
    jobId: 'string',
    fileName: 'string',
    kind: 'string',
    status: 'string',
    submittedAt: 'number',
    finishedAt: 'number',
  });
  if (value.status === 'done') {
    expectFields(value, 'job result', { faces: 'array', picture: 'object', timings: 'object' });
  } else if (value.status === 'failed') {
    expectFields(value, 'job result', { error: 'object' });
  } else {
    throw new FacefleetError(
      'data-corrupt',
      `job result has status ${JSON.stringify(value.status)}, expected done or failed`,
    );
  }
  return value as unknown as JobResult;
}

/** A result with the etag that replaces exactly this version of it. */
export interface StoredResult {
  readonly result: JobResult;
  readonly etag: string;
}

/** Reads the result of a job from its bucket (`resultBucket`); undefined while there is none. */
export async function readResult(bucket: ObjectStore, jobId: string): Promise<StoredResult | undefined> {
  const stored = await bucket.get(resultKey(jobId));
  if (stored === undefined) return undefined;
  const result = parseResult((await stored.bytes(MAX_RESULT_BYTES)).toString('utf8'));
  return { result, etag: stored.info.etag };
}

/** Stores the result unless the job has one already; says whether it was stored. */
export async function createResult(bucket: ObjectStore, result: JobResult): Promise<boolean> {
  try {
    await bucket.put(resultKey(result.jobId), encode(result), {
      contentType: 'application/json',
      ifNoneMatch: '*',
    });
    return true;
  } catch (error) {
    if (errorCode(error) === 'precondition-failed') return false;
    throw error;
  }
}

/** Replaces a stored result; rejects with PreconditionFailedError when it has changed since it was read. */
export async function replaceResult(bucket: ObjectStore, result: JobResult, etag: string): Promise<void> {
  await bucket.put(resultKey(result.jobId), encode(result), {
    contentType: 'application/json',
    ifMatch: etag,
  });
}

/** The answer of `POST /`: the name of the largest face, `unknown` if there is none or it is nobody's. */
export function nameOf(result: DoneResult): string {
  return result.faces[0]?.person?.name ?? 'unknown';
}

/** Ids of everybody a result names: recognised, candidates beside them, enrolled, or resembled at enrolment. An erasure must find them all. */
export function peopleIn(result: JobResult): string[] {
  if (result.status === 'failed') return [];
  const { faces, enrolment } = result;
  const ids = faces.flatMap((face) => [
    ...(face.person === null ? [] : [face.person.id]),
    ...face.candidates.map((candidate) => candidate.personId),
  ]);
  if (enrolment?.personId !== undefined) ids.push(enrolment.personId);
  if (enrolment?.resembles !== undefined) ids.push(enrolment.resembles.personId);
  return [...new Set(ids)];
}

function encode(result: JobResult): Buffer {
  return Buffer.from(JSON.stringify(result));
}
