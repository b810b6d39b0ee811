import { Type } from 'typebox';

import type { JobResult, JobTask } from '../../jobs/job.ts';
import type { WebContext } from '../context.ts';
import { type Route, route } from '../http/contract.ts';
import { type Preferences, preferencesOf } from '../preferences.ts';
import { failureProblem, HttpProblem } from '../problem.ts';
import { DoneResultSchema, PendingSchema } from '../schemas/job.ts';
import {
  IDEMPOTENCY_HEADER,
  JOB_HEADERS,
  PENDING_HEADERS,
  PICTURE_UPLOAD,
  PREFER_HEADER,
} from '../schemas/requests.ts';
import { awaitResult, factsOf, submitPicture } from '../submission.ts';
import { pendingAnswer } from './jobs.ts';

const MAX_TOP_K = 100;

/** `/v1/recognitions`: every face of a picture as JSON, at once or, if it takes long or is wished, as a job. */
export function recognitionRoutes(context: WebContext): Route[] {
  return [
    route(
      {
        method: 'post',
        path: '/v1/recognitions',
        id: 'recognise',
        tag: 'Recognition',
        scope: 'recognise',
        summary: 'Say who is in a picture',
        query: Type.Object(
          {
            topK: Type.Optional(
              Type.Integer({ minimum: 1, maximum: MAX_TOP_K, description: 'Candidates for each face (3)' }),
            ),
            requireFace: Type.Optional(
              Type.Boolean({ description: '422 when there is no face, instead of an empty list' }),
            ),
          },
          { additionalProperties: false },
        ),
        headers: { ...PREFER_HEADER, ...IDEMPOTENCY_HEADER },
        body: { upload: PICTURE_UPLOAD },
        answers: {
          200: { description: 'Every face, largest first', schema: DoneResultSchema, headers: JOB_HEADERS },
          202: {
            description: 'Not finished yet, or not waited for',
            schema: PendingSchema,
            headers: PENDING_HEADERS,
          },
        },
        problems: [408, 410, 413, 415, 422, 429],
      },
      async ({ query, request, response }) => {
        using _ticket = await context.admission.admit(factsOf(response).caller);
        const { topK, requireFace = false } = query;
        const task: JobTask = { kind: 'recognise', ...(topK === undefined ? {} : { topK }) };
        const preferences = preferencesOf(request);
        const waitSeconds = waitOf(preferences, context.waits.versionedSeconds);
        if (preferences.respondAsync) response.set('Preference-Applied', 'respond-async');

        const options = { task, waitSeconds, needsFileName: false };
        const submission = await submitPicture(context, request, response, options);
        const result = await awaitResult(context, response, submission, waitSeconds);
        if (result === undefined) return pendingAnswer({ jobId: submission.jobId });
        return { status: 200, body: doneOrThrow(result, requireFace) };
      },
    ),
  ];
}

function doneOrThrow(result: JobResult, mustHaveFace: boolean) {
  if (result.status === 'failed') throw failureProblem(result);
  if (mustHaveFace && result.faces.length === 0) {
    throw new HttpProblem(422, 'there is no face in the picture', { jobId: result.jobId });
  }
  return result;
}

function waitOf({ respondAsync, waitSeconds }: Preferences, limitSeconds: number): number {
  if (respondAsync) return 0;
  return Math.min(waitSeconds ?? limitSeconds, limitSeconds);
}
