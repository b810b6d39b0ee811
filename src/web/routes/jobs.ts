import { type Response, Router } from 'express';

import type { WebContext } from '../context.ts';
import { preferencesOf } from '../preferences.ts';
import { HttpProblem } from '../problem.ts';
import { awaitResult } from '../submission.ts';

/**
 * `/v1/jobs/<id>`: 200 with the result of a finished job, whatever came of it; 202 with `status: pending` until then,
 * so that a client may ask again while it gets 202; 404 for an id that no job has. `Prefer: wait=20` waits for the end.
 */
export function jobRoutes(context: WebContext): Router {
  const router = Router();
  router.get('/v1/jobs/:id', async (request, response) => {
    const jobId = request.params.id;
    const found = await context.client.find(jobId);
    if (found === undefined) throw new HttpProblem(404, 'there is no such job');
    if (found.state === 'finished') {
      response.json(found.result);
      return;
    }
    const waitSeconds = Math.min(preferencesOf(request).waitSeconds ?? 0, context.waits.versionedSeconds);
    const result = await awaitResult(context, response, { jobId, isNew: false }, waitSeconds);
    if (result === undefined) sendPending(response, { jobId, submittedAt: found.record.submittedAt });
    else response.json(result);
  });
  return router;
}

/** 202: the job is accepted and not finished; where to ask, and when. */
export function sendPending(response: Response, job: { jobId: string; submittedAt?: number }): void {
  response
    .status(202)
    .set({ Location: `/v1/jobs/${job.jobId}`, 'X-Job-Id': job.jobId, 'Retry-After': '1' })
    .json({ ...job, status: 'pending' });
}
