import { type Request, type Response, Router } from 'express';

import type { JobResult, JobTask } from '../../jobs/job.ts';
import type { WebContext } from '../context.ts';
import { type Preferences, preferencesOf } from '../preferences.ts';
import { failureProblem, HttpProblem } from '../problem.ts';
import { awaitResult, factsOf, submitPicture } from '../submission.ts';
import { sendPending } from './jobs.ts';

const MAX_TOP_K = 100;

/** `/v1/recognitions`: every face of a picture as JSON, at once or, if it takes long or is wished, as a job. */
export function recognitionRoutes(context: WebContext): Router {
  const router = Router();
  router.post('/v1/recognitions', async (request, response) => {
    using _ticket = await context.admission.admit(factsOf(response).caller);
    const task = taskOf(request);
    const mustHaveFace = isTrue(request.query.requireFace, 'requireFace');
    const preferences = preferencesOf(request);
    const waitSeconds = waitOf(preferences, context.waits.versionedSeconds);
    if (preferences.respondAsync) response.set('Preference-Applied', 'respond-async');

    const options = { task, waitSeconds, needsFileName: false };
    const submission = await submitPicture(context, request, response, options);
    const result = await awaitResult(context, response, submission, waitSeconds);
    if (result === undefined) sendPending(response, { jobId: submission.jobId });
    else sendResult(response, result, mustHaveFace);
  });
  return router;
}

function sendResult(response: Response, result: JobResult, mustHaveFace: boolean): void {
  if (result.status === 'failed') throw failureProblem(result);
  if (mustHaveFace && result.faces.length === 0) {
    throw new HttpProblem(422, 'there is no face in the picture', { jobId: result.jobId });
  }
  response.json(result);
}

function waitOf({ respondAsync, waitSeconds }: Preferences, limitSeconds: number): number {
  if (respondAsync) return 0;
  return Math.min(waitSeconds ?? limitSeconds, limitSeconds);
}

function taskOf({ query }: Request): JobTask {
  if (query.topK === undefined) return { kind: 'recognise' };
  const topK = Number(query.topK);
  if (Number.isInteger(topK) && topK >= 1 && topK <= MAX_TOP_K) return { kind: 'recognise', topK };
  throw new HttpProblem(400, `topK is not a whole number from 1 to ${MAX_TOP_K}`);
}

function isTrue(value: unknown, name: string): boolean {
  if (value === undefined || value === 'false' || value === '0') return false;
  if (value === 'true' || value === '1' || value === '') return true;
  throw new HttpProblem(400, `${name} is neither true nor false`);
}
