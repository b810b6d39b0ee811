import type { DoneResult, FailedResult, JobResult, Problem } from './operations.ts';

/** An answer that is no success. `message` says what was asked and what came of it. */
export class FacefleetApiError extends Error {
  readonly status: number;
  /** As the service told it (RFC 9457); undefined where somebody else answered, such as a proxy, or outside `/v1`. */
  readonly problem: Problem | undefined;
  /** The job that it is about. */
  readonly jobId: string | undefined;
  /** When to come again, if the service said so. */
  readonly retryAfterSeconds: number | undefined;
  /** Under which the service's log says more. */
  readonly traceId: string | undefined;

  constructor(
    request: string,
    status: number,
    detail: string,
    facts: {
      readonly problem?: Problem | undefined;
      readonly jobId?: string | undefined;
      readonly retryAfterSeconds?: number | undefined;
      readonly traceId?: string | undefined;
    } = {},
  ) {
    super(`${request} was answered with ${status}: ${detail}`);
    this.name = 'FacefleetApiError';
    this.status = status;
    this.problem = facts.problem;
    this.jobId = facts.jobId ?? facts.problem?.jobId;
    this.retryAfterSeconds = facts.retryAfterSeconds;
    this.traceId = facts.traceId;
  }
}

/** Nothing answered, after all retries; `cause` says why. The request may have been done all the same. */
export class FacefleetConnectionError extends Error {
  constructor(request: string, cause: unknown) {
    super(`${request} got no answer: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'FacefleetConnectionError';
  }
}

/** The job was accepted and failed; `result` says how. */
export class FacefleetJobError extends Error {
  readonly result: FailedResult;

  constructor(result: FailedResult) {
    super(`job ${result.jobId} failed (${result.error.code}): ${result.error.message}`);
    this.name = 'FacefleetJobError';
    this.result = result;
  }
}

/** @throws FacefleetJobError for a job that failed. */
export function doneOrThrow(result: JobResult): DoneResult {
  if (result.status === 'failed') throw new FacefleetJobError(result);
  return result;
}

/** What a response that is no success says of itself. Reads its body. */
export async function errorOf(request: string, response: Response): Promise<FacefleetApiError> {
  const { status, headers } = response;
  const text = await response.text();
  const problem = problemIn(text, headers.get('content-type'));
  const detail = problem?.detail ?? (text.split('\n', 1)[0] || response.statusText);
  return new FacefleetApiError(request, status, detail, {
    problem,
    jobId: headers.get('x-job-id') ?? undefined,
    retryAfterSeconds: retryAfterOf(response),
    traceId: headers.get('x-trace-id') ?? undefined,
  });
}

/** Seconds, from a number of them or from a date. */
export function retryAfterOf({ headers }: Pick<Response, 'headers'>, now = Date.now()): number | undefined {
  const text = headers.get('retry-after');
  if (text === null) return undefined;
  if (/^\d+$/.test(text)) return Number(text);
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, (at - now) / 1000);
}

function problemIn(text: string, type: string | null): Problem | undefined {
  if (type === null || !/^application\/problem\+json\b/i.test(type)) return undefined;
  try {
    const value = JSON.parse(text) as Problem | null;
    return typeof value === 'object' && value !== null && typeof value.detail === 'string'
      ? value
      : undefined;
  } catch {
    // Cut off on the way: the status is still the answer.
    return undefined;
  }
}
