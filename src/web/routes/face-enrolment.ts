import { Readable } from 'node:stream';
import type { Request, Response } from 'express';

import type { EnrolReport, EnrolTask, JobRecord, JobResult } from '../../jobs/job.ts';
import { readRecord } from '../../jobs/record.ts';
import { pictureBucket } from '../../jobs/stores.ts';
import type { Box } from '../../recognition/types.ts';
import type { WebContext } from '../context.ts';
import type { WebGallery } from '../galleries.ts';
import { type FormPicture, receivePictures } from '../picture-form.ts';
import { preferencesOf } from '../preferences.ts';
import { HttpProblem } from '../problem.ts';
import { jobWithinReach } from '../reach.ts';
import { awaitResult, factsOf, idempotencyOf } from '../submission.ts';

const MAX_PICTURES = 100;

/** Whose faces they are to be. */
export interface EnrolmentTarget {
  readonly found: WebGallery;
  readonly personId: string;
  readonly force: boolean;
  readonly request: Request;
  readonly response: Response;
}

/** What became of one picture, as it is told. */
export interface EnrolledPicture {
  readonly fileName: string;
  readonly externalId: string | null;
  readonly jobId: string | null;
  readonly verdict: EnrolReport['verdict'] | 'failed' | 'pending';
  readonly message: string;
  readonly faceId: string | null;
  readonly resembles?: NonNullable<EnrolReport['resembles']>;
}

/** A picture that is on its way, or was refused. */
interface Sent {
  readonly fileName: string;
  readonly externalId: string | undefined;
  readonly problem?: HttpProblem;
  readonly jobId?: string;
  readonly result?: JobResult;
}

/** Sends every picture of the request to the workers, then waits for all of them as long as the client wishes. */
export async function enrolPictures(
  context: WebContext,
  target: EnrolmentTarget,
): Promise<EnrolledPicture[]> {
  const { config, budget, clock } = context;
  const limits = { maxBytes: config.maxUploadBytes, budget, clock, maxPictures: MAX_PICTURES };
  const sent: Sent[] = [];
  await receivePictures(target.request, limits, async (picture) => {
    using _ = picture;
    sent.push(await sendPicture(context, target, picture, sent.length));
  });
  return reportAll(context, target, sent);
}

/** A face of a picture that was recognised before, ready to be enrolled from that picture. */
export interface RecognisedFace {
  readonly record: JobRecord;
  readonly box: Box;
  readonly open: () => Readable;
}

/**
 * Finds the face; nothing is changed yet.
 *
 * @throws HttpProblem 404 (no such job, or face), 409 (not finished), 410 (its picture is gone), 422 (it was no recognition).
 */
export async function recognisedFace(
  context: WebContext,
  response: Response,
  { jobId, face: index }: { jobId: string; face: number },
): Promise<RecognisedFace> {
  const { box } = await faceOfJob(context, response, jobId, index);
  const record = await readRecord(context.buckets, jobId);
  const bucket = record && pictureBucket(context.buckets, record.dialect, record.task.kind);
  const stored = record && (await bucket?.head(record.inputKey));
  if (record === undefined || bucket === undefined || stored === undefined) {
    throw new HttpProblem(410, 'the picture of this job is gone', { jobId });
  }
  const read = async () => (await bucket.get(record.inputKey))?.stream();
  return { record, box, open: () => Readable.from(bytesOf(read), { objectMode: false }) };
}

/** Sends the picture of the face to the workers once more, to enrol this face of it. */
export async function enrolRecognisedFace(
  context: WebContext,
  target: EnrolmentTarget,
  { record, box, open }: RecognisedFace,
): Promise<EnrolledPicture> {
  const { fileName, contentType, sizeBytes, sha256, jobId: fromJobId } = record;
  const task = taskFor(target, { fileName, face: box, fromJobId });
  const picture = { sizeBytes, sha256, open };
  const sent = await submit(context, target, { picture, fileName, contentType, task });
  const [report] = await reportAll(context, target, [{ fileName, externalId: undefined, ...sent }]);
  return report!;
}

async function faceOfJob({ client }: WebContext, response: Response, jobId: string, index: number) {
  const found = jobWithinReach(response, await client.find(jobId));
  if (found.state === 'pending') throw new HttpProblem(409, 'the job is not finished yet', { jobId });
  const { result } = found;
  if (result.status === 'failed' || result.kind !== 'recognise') {
    const isErased = result.status === 'failed' && result.error.code === 'erased';
    if (isErased) throw new HttpProblem(410, 'the result was erased', { jobId });
    throw new HttpProblem(422, 'the job is no recognition that found faces', { jobId });
  }
  const face = result.faces[index];
  if (face === undefined) {
    throw new HttpProblem(404, `the job found ${result.faces.length} faces, counted from 0`, { jobId });
  }
  return face;
}

/** Opened when it is read, and each time anew. */
async function* bytesOf(open: () => Promise<Readable | undefined>): AsyncGenerator<Buffer> {
  const stream = await open();
  if (stream === undefined) throw new HttpProblem(410, 'the picture of this job is gone');
  for await (const piece of stream as AsyncIterable<Buffer>) yield piece;
}

async function sendPicture(
  context: WebContext,
  target: EnrolmentTarget,
  { picture, fileName, contentType, problem, fields }: FormPicture,
  index: number,
): Promise<Sent> {
  const externalId = fields.get('externalId');
  if (problem !== undefined) return { fileName, externalId, problem };
  const task = taskFor(target, { fileName, externalId });
  const sent = await submit(context, target, { picture, fileName, contentType, task }, index);
  return { fileName, externalId, ...sent };
}

function taskFor(
  { found, personId, force }: EnrolmentTarget,
  {
    fileName,
    externalId,
    ...rest
  }: Pick<EnrolTask, 'face' | 'fromJobId'> & {
    fileName: string;
    externalId?: string | undefined;
  },
): EnrolTask {
  return {
    kind: 'enrol',
    person: personId,
    ...(force ? { force } : {}),
    ...(fileName === '' ? {} : { source: fileName.slice(0, 100).toWellFormed() }),
    ...(externalId === undefined ? {} : { externalId }),
    ...rest,
    ...found.task,
  };
}

type Job = Pick<
  Parameters<WebContext['client']['submit']>[0],
  'picture' | 'fileName' | 'contentType' | 'task'
>;

async function submit(
  { client, admission, waits }: WebContext,
  { request, response }: EnrolmentTarget,
  job: Job,
  index = 0,
): Promise<Pick<Sent, 'jobId' | 'result'>> {
  const facts = factsOf(response);
  const claim = idempotencyOf(request, facts);
  const { jobId, result } = await client.submit({
    ...job,
    trace: facts.trace,
    waitSeconds: waits.versionedSeconds,
    // Each picture of a request is a job: the key of the request and its place make the key of the job.
    ...(claim === undefined ? {} : { idempotency: { ...claim, key: `${claim.key}#${index}` } }),
  });
  admission.accepted();
  return { jobId, ...(result === undefined ? {} : { result }) };
}

async function reportAll(
  context: WebContext,
  { found, request, response }: EnrolmentTarget,
  sent: readonly Sent[],
): Promise<EnrolledPicture[]> {
  const { respondAsync, waitSeconds } = preferencesOf(request);
  const limit = context.waits.versionedSeconds;
  const timeoutSeconds = respondAsync ? 0 : Math.min(waitSeconds ?? limit, limit);
  const reports = await Promise.all(
    sent.map(async ({ jobId, result, ...one }) => {
      if (jobId === undefined) return refused(one);
      const known = result === undefined ? {} : { result };
      const submission = { jobId, isNew: result === undefined, ...known };
      return reportOf({ jobId, ...one }, await awaitResult(context, response, submission, timeoutSeconds));
    }),
  );
  await found.gallery.refresh();
  return reports;
}

function refused({ fileName, externalId, problem }: Omit<Sent, 'jobId' | 'result'>): EnrolledPicture {
  const message = problem?.message ?? 'not a picture';
  return {
    fileName,
    externalId: externalId ?? null,
    jobId: null,
    verdict: 'bad-image',
    message,
    faceId: null,
  };
}

function reportOf({ fileName, externalId, jobId }: Sent, result: JobResult | undefined): EnrolledPicture {
  const facts = { fileName, externalId: externalId ?? null, jobId: jobId ?? null, faceId: null };
  if (result === undefined) return { ...facts, verdict: 'pending', message: 'not finished yet' };
  if (result.status === 'failed') {
    const { code, message } = result.error;
    const isPicture = code === 'bad-image' || code === 'too-large' || code === 'poison';
    return { ...facts, verdict: isPicture ? 'bad-image' : 'failed', message };
  }
  const { enrolment } = result;
  if (enrolment === undefined) return { ...facts, verdict: 'failed', message: 'the answer holds no report' };
  const { verdict, message, faceId = null, resembles } = enrolment;
  return { ...facts, verdict, message, faceId, ...(resembles === undefined ? {} : { resembles }) };
}
