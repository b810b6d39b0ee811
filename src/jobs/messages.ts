import { FacefleetError } from '../errors.ts';
import type { JobAnswer, JobMessage } from './job.ts';
import { parseVersioned } from './stored-json.ts';

/** The course's cap on a message of the request queue, in bytes of UTF-8. */
export const MAX_MESSAGE_BYTES = 1024;

/** @throws FacefleetError `limit-exceeded` when it comes out over 1,024 bytes. */
export function encodeMessage(message: JobMessage): string {
  return withinLimit(JSON.stringify(message), message.jobId);
}

/** @throws FacefleetError `data-corrupt` when the text is no message of ours. */
export function parseMessage(text: string): JobMessage {
  const value = parseVersioned(text, 'job message', {
    jobId: 'string',
    submittedAt: 'number',
    deadline: 'number',
    traceId: 'string',
  });
  assertJobId(value.jobId, 'job message');
  return value as unknown as JobMessage;
}

/** @throws FacefleetError `limit-exceeded` when it comes out over 1,024 bytes. */
export function encodeAnswer(answer: JobAnswer): string {
  return withinLimit(JSON.stringify(answer), answer.jobId);
}

/** @throws FacefleetError `data-corrupt` when the text is no answer of ours. */
export function parseAnswer(text: string): JobAnswer {
  return parseVersioned(text, 'job answer', {
    jobId: 'string',
    status: 'string',
  }) as unknown as JobAnswer;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether the text has the form of a job id (a lower-case UUID), so that it may become part of a key. */
export function isJobId(text: string): boolean {
  return UUID.test(text);
}

function assertJobId(jobId: unknown, what: string): void {
  if (typeof jobId === 'string' && isJobId(jobId)) return;
  throw new FacefleetError(
    'data-corrupt',
    `${what} has the job id ${JSON.stringify(jobId)}, expected a UUID`,
  );
}

function withinLimit(text: string, jobId: string): string {
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_MESSAGE_BYTES) return text;
  throw new FacefleetError(
    'limit-exceeded',
    `a message has ${bytes} bytes, expected at most ${MAX_MESSAGE_BYTES}`,
    { context: { jobId } },
  );
}
