import type { Request, Response } from 'express';

import type { IdempotencyClaim } from '../jobs/idempotency.ts';
import type { JobResult, JobTask } from '../jobs/job.ts';
import type { JobRequest, Submission } from '../jobs/job-client.ts';
import type { PictureSource } from '../jobs/record.ts';
import type { Webhook } from '../webhooks/webhook.ts';
import { ANONYMOUS } from './access.ts';
import type { RequestFacts, WebContext } from './context.ts';
import { HttpProblem } from './problem.ts';
import { ClientGoneError, receiveUpload } from './upload.ts';

export interface SubmissionOptions {
  readonly task: JobTask;
  /** 0: nobody waits. */
  readonly waitSeconds: number;
  /** The answer quotes the file name, so there has to be one, and only a form has one. */
  readonly needsFileName: boolean;
  /** The client may follow the job. */
  readonly tellsProgress?: boolean;
  readonly webhook?: Webhook | undefined;
}

export interface SubmittedPicture extends Submission {
  readonly fileName: string;
}

/** Reads the request's picture and hands it to the workers. The picture's memory is free again when this resolves. */
export async function submitPicture(
  context: WebContext,
  request: Request,
  response: Response,
  { task, waitSeconds, needsFileName, tellsProgress = false, webhook }: SubmissionOptions,
): Promise<SubmittedPicture> {
  const { config, budget, clock, telemetry } = context;
  const { trace } = factsOf(response);
  // Before the upload is read: a key that is none should not cost one.
  idempotencyOf(request, factsOf(response));
  const limits = { maxBytes: config.maxUploadBytes, budget, clock };
  const startedAt = performance.now();
  using upload = await receiveUpload(request, limits, { allowRaw: !needsFileName });
  telemetry.stageOf(trace, 'upload', startedAt);
  const { fileName, contentType, picture } = upload;
  if (needsFileName && fileName === '') throw new HttpProblem(400, 'the file has no name');
  const job = {
    picture,
    fileName,
    contentType,
    task,
    waitSeconds,
    tellsProgress,
    ...(webhook !== undefined && { webhook }),
  };
  const submission = await submit(context, request, response, job);
  upload.stored();
  return { ...submission, fileName };
}

/** Hands a job to the workers, as the request's own. */
export async function submit(
  { client, admission, logger, telemetry }: WebContext,
  request: Request,
  response: Response,
  job: Omit<JobRequest, 'picture' | 'trace' | 'idempotency'> & { readonly picture: PictureSource },
): Promise<Submission> {
  const facts = factsOf(response);
  const { trace } = facts;
  const idempotency = idempotencyOf(request, facts);
  const submission = await client.submit({
    ...job,
    trace,
    ...(idempotency === undefined ? {} : { idempotency }),
  });
  telemetry.metrics
    .counter('facefleet_upload_bytes_total', 'Bytes of pictures taken in')
    .add(job.picture.sizeBytes);
  admission.accepted();
  response.set('X-Job-Id', submission.jobId);
  logger.debug(
    { traceId: trace.traceId, jobId: submission.jobId, isNew: submission.isNew },
    'accepted a job',
  );
  return submission;
}

/**
 * The job's result; undefined when it is not there in time or the process stops waiting.
 *
 * @throws ClientGoneError when the client goes away, so that nobody waits for nobody.
 */
export async function awaitResult(
  { client, admission, answers, clock, stopWaiting }: WebContext,
  response: Response,
  { jobId, result: known }: Submission,
  timeoutSeconds: number,
): Promise<JobResult | undefined> {
  if (known !== undefined || timeoutSeconds <= 0) return known;
  const end = new AbortController();
  const onEnd = () => end.abort();
  response.once('close', onEnd);
  stopWaiting.addEventListener('abort', onEnd, { once: true });
  try {
    if (response.destroyed) throw new ClientGoneError();
    if (stopWaiting.aborted) return undefined;
    const result = await client.wait(jobId, { timeoutSeconds, signal: end.signal });
    if (response.destroyed) throw new ClientGoneError();
    if (result !== undefined) {
      admission.learn(result);
      answers.note(clock.now() - result.submittedAt);
    }
    return result;
  } finally {
    response.off('close', onEnd);
    stopWaiting.removeEventListener('abort', onEnd);
  }
}

export function factsOf(response: Response): RequestFacts {
  const { caller = ANONYMOUS, trace } = response.locals as Partial<RequestFacts>;
  // A request that failed before it was given one.
  const { traceId, spanId, isSampled } = trace ?? { traceId: '', spanId: '', isSampled: false };
  return { caller, traceId, trace: { traceId, spanId, isSampled } };
}

/** @throws HttpProblem 400 for a key that is none. */
export function idempotencyOf(request: Request, { caller }: RequestFacts): IdempotencyClaim | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !/^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/.test(key)) {
    throw new HttpProblem(400, 'the Idempotency-Key is not 1 to 255 printable ASCII characters');
  }
  return { caller, key };
}
