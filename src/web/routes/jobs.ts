import { Type } from 'typebox';

import type { WebContext } from '../context.ts';
import { type Route, route } from '../http/contract.ts';
import { preferencesOf } from '../preferences.ts';
import { HttpProblem } from '../problem.ts';
import { PendingSchema, ResultSchema } from '../schemas/job.ts';
import { PENDING_HEADERS, PREFER_HEADER } from '../schemas/requests.ts';
import { awaitResult } from '../submission.ts';

/**
 * `/v1/jobs/<id>`: 200 with the result of a finished job, whatever came of it; 202 with `status: pending` until then,
 * so that a client may ask again while it gets 202; 404 for an id that no job has. `Prefer: wait=20` waits for the end.
 */
export function jobRoutes(context: WebContext): Route[] {
  return [
    route(
      {
        method: 'get',
        path: '/v1/jobs/{jobId}',
        id: 'getJob',
        tag: 'Jobs',
        scope: 'recognise',
        summary: 'What became of a job',
        description: 'Ask again for as long as the answer is 202.',
        params: Type.Object({ jobId: Type.String() }),
        headers: { Prefer: PREFER_HEADER.Prefer },
        answers: {
          200: { description: 'It is finished, whatever came of it: `status` tells', schema: ResultSchema },
          202: { description: 'It is not finished', schema: PendingSchema, headers: PENDING_HEADERS },
        },
        problems: [404],
      },
      async ({ params: { jobId }, request, response }) => {
        const found = await context.client.find(jobId);
        if (found === undefined) throw new HttpProblem(404, 'there is no such job');
        if (found.state === 'finished') return { status: 200, body: found.result };
        const waitSeconds = Math.min(preferencesOf(request).waitSeconds ?? 0, context.waits.versionedSeconds);
        const result = await awaitResult(context, response, { jobId, isNew: false }, waitSeconds);
        if (result !== undefined) return { status: 200, body: result };
        return pendingAnswer({ jobId, submittedAt: found.record.submittedAt });
      },
    ),
  ];
}

/** 202: the job is accepted and not finished; where to ask, and when. */
export function pendingAnswer(job: { jobId: string; submittedAt?: number }) {
  const headers = { Location: `/v1/jobs/${job.jobId}`, 'X-Job-Id': job.jobId, 'Retry-After': '1' };
  return { status: 202, headers, body: { ...job, status: 'pending' } } as const;
}
