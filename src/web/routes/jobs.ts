import { Type } from 'typebox';

import type { WebContext } from '../context.ts';
import { type Route, route } from '../http/contract.ts';
import { preferencesOf } from '../preferences.ts';
import { HttpProblem } from '../problem.ts';
import { jobWithinReach } from '../reach.ts';
import { FailedResultSchema, JobSummarySchema, PendingSchema, ResultSchema } from '../schemas/job.ts';
import { PENDING_HEADERS, PREFER_HEADER } from '../schemas/requests.ts';
import { awaitResult, factsOf } from '../submission.ts';
import { DEFAULT_PLACE, type GalleryPlace, NAMED_PLACE } from './gallery-place.ts';

/**
 * `/v1/jobs/<id>`: 200 with the result of a finished job, whatever came of it; 202 with `status: pending` until then,
 * so that a client may ask again while it gets 202; 404 for an id that no job has. `Prefer: wait=20` waits for the end.
 */
export function jobRoutes(context: WebContext): Route[] {
  return [listRoute(context, DEFAULT_PLACE), jobRoute(context), cancelRoute(context)];
}

/** The jobs of one gallery. */
export function galleryJobRoutes(context: WebContext): Route[] {
  return [listRoute(context, NAMED_PLACE)];
}

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 200;
/** As the last page gave it: the id of its last job. */
const Cursor = Type.String({
  pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
  description: '`nextCursor` of the page before',
});

function listRoute({ client, galleries }: WebContext, place: GalleryPlace): Route {
  return route(
    {
      method: 'get',
      path: place.path('/jobs'),
      id: place.id('listJobs'),
      tag: 'Jobs',
      scope: 'recognise',
      summary: place.isNamed ? 'The jobs of a gallery, newest first' : 'All jobs, newest first',
      description:
        'With `status`, or of one gallery, a page may be short, or even empty, and yet have a `nextCursor`: a bounded number of jobs is looked at for each page.',
      params: place.params({}),
      query: Type.Object(
        {
          limit: Type.Integer({ minimum: 1, maximum: MAX_LIMIT, default: DEFAULT_LIMIT }),
          cursor: Type.Optional(Cursor),
          status: Type.Optional(Type.Enum(['pending', 'done', 'failed', 'cancelled'])),
        },
        { additionalProperties: false },
      ),
      answers: {
        200: {
          description: 'A page of jobs',
          schema: Type.Object(
            {
              jobs: Type.Array(JobSummarySchema),
              nextCursor: Type.Optional(Type.String({ description: 'Absent on the last page' })),
            },
            { title: 'JobPage' },
          ),
        },
      },
      ...(place.isNamed && { problems: [404] }),
    },
    async ({ params, query: { limit, cursor, status } }) => {
      const { jobs, next } = await client.list({
        limit,
        ...(place.isNamed && { galleryId: (await galleries.find(params.gallery)).task.gallery ?? null }),
        ...(cursor !== undefined && { after: cursor }),
        ...(status !== undefined && { status }),
      });
      return { status: 200, body: { jobs, ...(next !== undefined && { nextCursor: next }) } };
    },
  );
}

function cancelRoute({ client, logger }: WebContext): Route {
  return route(
    {
      method: 'post',
      path: '/v1/jobs/{jobId}/cancel',
      id: 'cancelJob',
      tag: 'Jobs',
      scope: 'recognise',
      summary: 'Cancel a job that is not finished',
      description:
        'A job that has not begun never will; what a worker that has begun finds is not kept. The picture is deleted. Enrolments cannot be cancelled.',
      params: Type.Object({ jobId: Type.String() }),
      answers: {
        200: {
          description: 'It is cancelled, now or before: its result says so',
          schema: FailedResultSchema,
        },
      },
      problems: [404, 409],
    },
    async ({ params: { jobId }, response }) => {
      jobWithinReach(response, await client.find(jobId));
      const cancellation = await client.cancel(jobId);
      if (cancellation === undefined) throw new HttpProblem(404, 'there is no such job');
      if (cancellation.outcome === 'cannot') {
        throw new HttpProblem(409, 'a job that changes the gallery cannot be cancelled', { jobId });
      }
      const { result } = cancellation;
      if (cancellation.outcome === 'finished' || result.status !== 'failed') {
        throw new HttpProblem(409, 'the job is finished', { jobId });
      }
      logger.info(
        { jobId, traceId: result.traceId, caller: factsOf(response).caller },
        'a job was cancelled',
      );
      return { status: 200, body: result };
    },
  );
}

function jobRoute(context: WebContext): Route {
  return route(
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
      const found = jobWithinReach(response, await context.client.find(jobId));
      if (found.state === 'finished') return { status: 200, body: found.result };
      const waitSeconds = Math.min(preferencesOf(request).waitSeconds ?? 0, context.waits.versionedSeconds);
      const result = await awaitResult(context, response, { jobId, isNew: false }, waitSeconds);
      if (result !== undefined) return { status: 200, body: result };
      return pendingAnswer({ jobId, submittedAt: found.record.submittedAt });
    },
  );
}

/** 202: the job is accepted and not finished; where to ask, and when. */
export function pendingAnswer(job: { jobId: string; submittedAt?: number }) {
  const headers = { Location: `/v1/jobs/${job.jobId}`, 'X-Job-Id': job.jobId, 'Retry-After': '1' };
  return { status: 202, headers, body: { ...job, status: 'pending' } } as const;
}
