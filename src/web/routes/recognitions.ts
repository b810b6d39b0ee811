import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Request, Response } from 'express';
import { Type } from 'typebox';

import type { DoneResult, JobResult, JobTask } from '../../jobs/job.ts';
import type { PictureSource } from '../../jobs/record.ts';
import type { WebContext } from '../context.ts';
import { type Route, route } from '../http/contract.ts';
import { type FormPicture, receivePictures } from '../picture-form.ts';
import { preferencesOf } from '../preferences.ts';
import { failureProblem, HttpProblem } from '../problem.ts';
import { DoneResultSchema, PendingSchema } from '../schemas/job.ts';
import {
  IDEMPOTENCY_HEADER,
  JOB_HEADERS,
  PENDING_HEADERS,
  PICTURE_UPLOAD,
  PREFER_HEADER,
  TWO_PICTURES_FORM,
  WEBHOOK_HEADERS,
} from '../schemas/requests.ts';
import { awaitResult, factsOf, submit, submitPicture } from '../submission.ts';
import { webhookOf } from '../webhook-headers.ts';
import type { GalleryPlace } from './gallery-place.ts';
import { pendingAnswer } from './jobs.ts';

const MAX_TOP_K = 100;
const MAX_PICTURES_COMPARED = 2;
const WAITING = {
  202: {
    description: 'Not finished yet, or not waited for',
    schema: PendingSchema,
    headers: PENDING_HEADERS,
  },
} as const;
const UPLOAD_PROBLEMS = [408, 410, 413, 415, 422, 429] as const;

const Rate = (description: string) =>
  Type.Optional(Type.Number({ exclusiveMinimum: 0, exclusiveMaximum: 1, description }));
const Limits = {
  falseMatchRate: Rate('How often a single comparison with a stranger may pass'),
  threshold: Type.Optional(
    Type.Number({ minimum: -1, maximum: 1, description: 'The similarity to reach, whatever rate that is' }),
  ),
};
const RequireFace = Type.Optional(
  Type.Boolean({ description: '422 when there is no face, instead of an empty list' }),
);

/** Saying who is on a picture of a gallery's people. */
export function recognitionRoutes(context: WebContext, place: GalleryPlace): Route[] {
  return [
    route(
      {
        method: 'post',
        path: place.path('/recognitions'),
        id: place.id('recognise'),
        tag: 'Recognition',
        scope: 'recognise',
        summary: 'Say who is in a picture',
        description:
          'A face is `unknown` (its `person` is null) unless its similarity reaches a threshold, which follows from how often a stranger may get a name. Give at most one of the three figures that say otherwise. One person is given to one face of the picture at most, unless `allowRepeats` says so.',
        params: place.params({}),
        query: Type.Object(
          {
            topK: Type.Optional(
              Type.Integer({ minimum: 1, maximum: MAX_TOP_K, description: 'Candidates for each face (3)' }),
            ),
            falsePositiveRate: Rate(
              'How often a stranger may get a name, of however many (the service’s own)',
            ),
            ...Limits,
            allowRepeats: Type.Optional(Type.Boolean({ description: 'Several faces may be one person' })),
            requireFace: RequireFace,
          },
          { additionalProperties: false },
        ),
        headers: { ...PREFER_HEADER, ...IDEMPOTENCY_HEADER, ...WEBHOOK_HEADERS },
        body: { upload: PICTURE_UPLOAD },
        answers: {
          200: { description: 'Every face, largest first', schema: DoneResultSchema, headers: JOB_HEADERS },
          ...WAITING,
        },
        problems: [404, ...UPLOAD_PROBLEMS],
      },
      async ({ params, query, request, response }) => {
        const { requireFace = false, ...wishes } = query;
        expectOneLimit(wishes);
        const { task } = await context.galleries.find(params.gallery);
        const job: JobTask = { kind: 'recognise', ...wishes, ...task };
        const result = await runPicture(context, job, request, response);
        if (isPending(result)) return result;
        return { status: 200, body: doneOrThrow(result, requireFace) };
      },
    ),
  ];
}

/** Finding faces, and comparing two pictures: no gallery needed. */
export function detectionRoutes(context: WebContext): Route[] {
  return [detectionRoute(context), comparisonRoute(context)];
}

function detectionRoute(context: WebContext): Route {
  return route(
    {
      method: 'post',
      path: '/v1/detections',
      id: 'detect',
      tag: 'Recognition',
      scope: 'recognise',
      summary: 'Find the faces in a picture, and look for nobody',
      query: Type.Object({ requireFace: RequireFace }, { additionalProperties: false }),
      headers: { ...PREFER_HEADER, ...IDEMPOTENCY_HEADER },
      body: { upload: PICTURE_UPLOAD },
      answers: {
        200: { description: 'Every face, largest first', schema: DoneResultSchema, headers: JOB_HEADERS },
        ...WAITING,
      },
      problems: UPLOAD_PROBLEMS,
    },
    async ({ query: { requireFace = false }, request, response }) => {
      const result = await runPicture(context, { kind: 'detect' }, request, response);
      if (isPending(result)) return result;
      return { status: 200, body: doneOrThrow(result, requireFace) };
    },
  );
}

function comparisonRoute(context: WebContext): Route {
  return route(
    {
      method: 'post',
      path: '/v1/comparisons',
      id: 'compare',
      tag: 'Recognition',
      scope: 'recognise',
      summary: 'Compare two pictures: each face of one with each of the other',
      description:
        'A form with two files in the field `inputFile`. `faces` of the answer are those of the first picture, `comparison` has those of the second and all pairs. Two strangers pass with 0.0001 unless a rate or a threshold is given.',
      query: Type.Object({ ...Limits, requireFace: RequireFace }, { additionalProperties: false }),
      headers: { ...PREFER_HEADER, ...IDEMPOTENCY_HEADER },
      body: { upload: TWO_PICTURES_FORM },
      answers: {
        200: { description: 'All pairs, most similar first', schema: DoneResultSchema, headers: JOB_HEADERS },
        ...WAITING,
      },
      problems: UPLOAD_PROBLEMS,
    },
    async ({ query, request, response }) => {
      const { requireFace = false, ...limits } = query;
      expectOneLimit(limits);
      using _ticket = await context.admission.admit(factsOf(response).caller);
      const pictures = await receiveTwo(context, request);
      using _pictures = disposeAll(pictures);
      const [first, second] = pictures;
      const waitSeconds = waitOf(context, request, response);
      const submission = await submit(context, request, response, {
        picture: joined(first.picture, second.picture),
        fileName: first.fileName,
        contentType: 'application/octet-stream',
        task: { kind: 'compare', firstBytes: first.picture.sizeBytes, ...limits },
        waitSeconds,
      });
      const result = await awaitResult(context, response, submission, waitSeconds);
      if (result === undefined) return pendingAnswer({ jobId: submission.jobId });
      const done = doneOrThrow(result, requireFace);
      if (requireFace && done.comparison?.faces.length === 0) throw noFace(done.jobId);
      return { status: 200, body: done };
    },
  );
}

/** @throws HttpProblem 400 when several figures say what a similarity has to reach. */
function expectOneLimit(limits: {
  readonly falsePositiveRate?: number;
  readonly falseMatchRate?: number;
  readonly threshold?: number;
}): void {
  const { falsePositiveRate, falseMatchRate, threshold } = limits;
  const given = Object.entries({ falsePositiveRate, falseMatchRate, threshold }).filter(
    ([, value]) => value !== undefined,
  );
  if (given.length <= 1) return;
  const names = given.map(([name]) => name).join(' and ');
  throw new HttpProblem(400, `query ${names} contradict each other, expected at most one of them`);
}

type Pending = ReturnType<typeof pendingAnswer>;

function isPending(result: JobResult | Pending): result is Pending {
  return result.status === 202;
}

async function runPicture(
  context: WebContext,
  task: JobTask,
  request: Request,
  response: Response,
): Promise<JobResult | Pending> {
  using _ticket = await context.admission.admit(factsOf(response).caller);
  const waitSeconds = waitOf(context, request, response);
  const webhook = webhookOf(context, request);
  const options = { task, waitSeconds, needsFileName: false, tellsProgress: waitSeconds === 0, webhook };
  const submission = await submitPicture(context, request, response, options);
  const result = await awaitResult(context, response, submission, waitSeconds);
  return result ?? pendingAnswer({ jobId: submission.jobId });
}

async function receiveTwo(
  { config, budget, clock }: WebContext,
  request: Request,
): Promise<[FormPicture, FormPicture]> {
  const pictures: FormPicture[] = [];
  const limits = { maxBytes: config.maxUploadBytes, budget, clock, maxPictures: MAX_PICTURES_COMPARED };
  try {
    await receivePictures(request, limits, async (picture) => {
      pictures.push(picture);
      if (picture.problem !== undefined) throw picture.problem;
    });
    const [first, second] = pictures;
    if (first === undefined || second === undefined) {
      throw new HttpProblem(400, 'one picture only, expected a form with two files in the field inputFile');
    }
    return [first, second];
  } catch (error) {
    disposeAll(pictures)[Symbol.dispose]();
    throw error;
  }
}

function disposeAll(pictures: readonly Disposable[]): Disposable {
  return {
    [Symbol.dispose]: () => {
      for (const picture of pictures) picture[Symbol.dispose]();
    },
  };
}

/** Two pictures as one upload, one after the other; the task says where the second begins. */
function joined(first: PictureSource, second: PictureSource): PictureSource {
  const open = () => Readable.from(inTurn([first, second]), { objectMode: false });
  // Only tells requests apart that come under one Idempotency-Key.
  const sha256 = createHash('sha256').update(first.sha256).update(second.sha256).digest('hex');
  return { sizeBytes: first.sizeBytes + second.sizeBytes, sha256, open };
}

async function* inTurn(pictures: readonly PictureSource[]): AsyncGenerator<Uint8Array> {
  for (const picture of pictures) {
    const bytes = picture.open();
    if (bytes instanceof Uint8Array) yield bytes;
    else for await (const piece of bytes as AsyncIterable<Uint8Array>) yield piece;
  }
}

function doneOrThrow(result: JobResult, mustHaveFace: boolean): DoneResult {
  if (result.status === 'failed') throw failureProblem(result);
  if (mustHaveFace && result.faces.length === 0) throw noFace(result.jobId);
  return result;
}

function noFace(jobId: string): HttpProblem {
  return new HttpProblem(422, 'there is no face in the picture', { jobId });
}

/** How long the client is to be kept waiting, seconds; says so in the answer when it is not at all. */
function waitOf({ waits }: WebContext, request: Request, response: Response): number {
  const { respondAsync, waitSeconds } = preferencesOf(request);
  if (respondAsync) response.set('Preference-Applied', 'respond-async');
  return respondAsync ? 0 : Math.min(waitSeconds ?? waits.versionedSeconds, waits.versionedSeconds);
}
