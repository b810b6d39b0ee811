import { STATUS_CODES } from 'node:http';
import type { Request, Response } from 'express';

import { errorCode, errorMessage, isTransient, NotFoundError } from '../errors.ts';
import { IdempotencyMismatchError } from '../jobs/idempotency.ts';
import type { FailedResult, JobErrorCode } from '../jobs/job.ts';
import type { Logger } from '../logger.ts';
import type { Fault } from './http/fault.ts';

const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';
/** The broker is back within two seconds. */
const RETRY_AFTER_SECONDS = 2;

export interface ProblemOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly jobId?: string;
  /** Which values of the request were wrong. */
  readonly faults?: readonly Fault[];
  readonly cause?: unknown;
}

/** A request that cannot be answered as asked, ready to be told. `detail` is one line; what the client sent is quoted as JSON only. */
export class HttpProblem extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly jobId: string | undefined;
  readonly faults: readonly Fault[] | undefined;

  constructor(status: number, detail: string, { headers = {}, jobId, faults, cause }: ProblemOptions = {}) {
    super(detail, cause === undefined ? {} : { cause });
    this.name = 'HttpProblem';
    this.status = status;
    this.headers = headers;
    this.jobId = jobId;
    this.faults = faults;
  }
}

/** Whether the path belongs to the versioned interface, whose problems are JSON. */
export function isVersioned(path: string): boolean {
  return /^\/v1(\/|$)/i.test(path);
}

/** Tells the problem: JSON under `/v1`, one line of text elsewhere. */
export function sendProblem(request: Request, response: Response, problem: HttpProblem): void {
  const title = STATUS_CODES[problem.status] ?? 'Error';
  response.status(problem.status).set(problem.headers);
  if (problem.jobId !== undefined) response.set('X-Job-Id', problem.jobId);
  if (isVersioned(request.path)) {
    const { status, message: detail, jobId, faults: errors } = problem;
    response.set('Content-Type', PROBLEM_TYPE);
    response.end(JSON.stringify({ type: 'about:blank', title, status, detail, jobId, errors }));
    return;
  }
  response.set('Content-Type', 'text/plain; charset=utf-8');
  response.end(`${problem.status} ${title}: ${problem.message}\n`);
}

/** What to tell about any failure; what is our own fault goes to the log, not to the client. */
export function toProblem(error: unknown, logger: Logger): HttpProblem {
  if (error instanceof HttpProblem) return error;
  if (error instanceof IdempotencyMismatchError) {
    return new HttpProblem(422, 'the Idempotency-Key was used before with another picture, name or options');
  }
  if (errorCode(error) === 'limit-exceeded') {
    return new HttpProblem(400, 'the file name is too long, expected at most 255 characters');
  }
  if (isTransient(error)) {
    logger.warn({ error: errorMessage(error) }, 'a part that we depend on does not answer');
    const headers = { 'Retry-After': String(RETRY_AFTER_SECONDS) };
    return new HttpProblem(503, 'a part of the service does not answer now, try again', { headers });
  }
  if (isForTheOperator(error)) {
    logger.error({ error: errorMessage(error) }, 'a part that we depend on refuses us');
    const headers = { 'Retry-After': String(RETRY_AFTER_SECONDS) };
    return new HttpProblem(503, 'the service cannot do its work now: its operator has to look into its log', {
      headers,
    });
  }
  if (isClientFault(error)) return new HttpProblem(400, 'the request cannot be read');
  logger.error({ err: error }, 'a request failed');
  return new HttpProblem(500, 'the service failed, its log says why', { cause: error });
}

const FAILURES: Readonly<Record<JobErrorCode, readonly [status: number, detail: string]>> = {
  'bad-image': [
    415,
    'not a picture we read: JPEG, PNG, WebP, AVIF, GIF or TIFF, whole and within the limits',
  ],
  'bad-request': [422, 'the task names a person that is not there, or a name that is none'],
  'too-large': [413, 'the picture is larger than allowed'],
  poison: [422, 'the picture cannot be worked on: it stopped every worker that tried'],
  erased: [410, 'the result was erased'],
  cancelled: [410, 'the job was cancelled'],
  'dead-letter': [500, 'the job failed again and again and was given up'],
  internal: [500, 'the job failed, the log says why'],
};

/** Whoever read the picture knows best what is wrong with it, and what was expected. */
const TOLD_BY_THE_JOB: readonly JobErrorCode[] = ['bad-image', 'too-large'];

/** A failed job as the answer to the request that waited for it. */
export function failureProblem({ error, jobId }: FailedResult): HttpProblem {
  const [status, detail] = FAILURES[error.code] ?? FAILURES.internal;
  const isTold = TOLD_BY_THE_JOB.includes(error.code) && error.message !== '';
  return new HttpProblem(status, isTold ? error.message : detail, { jobId });
}

/** A right that is missing, keys that ran out, a queue that was deleted: nothing is wrong with the request, which may be repeated. */
function isForTheOperator(error: unknown): boolean {
  const code = errorCode(error);
  if (code === 'permission-denied' || code === 'config-invalid') return true;
  return error instanceof NotFoundError && error.context.queue !== undefined;
}

/** Errors that Express raises for paths and headers it cannot decode carry a status of their own. */
function isClientFault(error: unknown): boolean {
  const status = error instanceof Error && 'status' in error ? error.status : undefined;
  return typeof status === 'number' && status >= 400 && status < 500;
}
