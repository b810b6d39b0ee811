import { Type } from 'typebox';

import { type DeadJob, type DeadLetterReport, DeadLetters, type Selection } from '../../jobs/dead-letters.ts';
import type { WebContext } from '../context.ts';
import { type Route, route } from '../http/contract.ts';

const MOST_IDS = 1000;

const DeadJobSchema = Type.Object(
  {
    jobId: Type.Optional(Type.String({ description: 'Absent when the message cannot be read' })),
    fileName: Type.Optional(Type.String({ description: 'Absent when the job’s record is gone' })),
    reason: Type.String(),
    diedAt: Type.Integer({ description: 'Milliseconds since the epoch' }),
  },
  { title: 'DeadJob' },
);

const SelectionSchema = Type.Object(
  {
    jobIds: Type.Union(
      [Type.Literal('all'), Type.Array(Type.String(), { minItems: 1, maxItems: MOST_IDS })],
      {
        description: '`all`, or the ids of jobs',
      },
    ),
  },
  { additionalProperties: false },
);

const ReportSchema = Type.Object(
  {
    done: Type.Array(DeadJobSchema),
    impossible: Type.Array(DeadJobSchema, {
      description: 'They stay: their picture is gone, or nobody can read them',
    }),
    missing: Type.Array(Type.String(), { description: 'Ids that no dead letter has' }),
  },
  { title: 'DeadLetterReport' },
);

/** `/v1/dead-letters`: jobs that were given up, to be looked at, tried again, or dropped. */
export function deadLetterRoutes({ deployment, config }: WebContext): Route[] {
  const { input, output, state, queues } = deployment;
  const letters = new DeadLetters({ input, output, state, queues, prefix: config.prefix });
  return [
    listRoute(letters),
    actRoute('redrive', 'Send jobs to the workers again', (selection) => letters.redrive(selection)),
    actRoute('drop', 'Forget dead letters; the error results of their jobs stay', (selection) =>
      letters.drop(selection),
    ),
  ];
}

function listRoute(letters: DeadLetters): Route {
  return route(
    {
      method: 'get',
      path: '/v1/dead-letters',
      id: 'listDeadLetters',
      tag: 'Jobs',
      scope: 'admin',
      summary: 'Jobs that were given up, and why',
      answers: {
        200: {
          description: 'Oldest first',
          schema: Type.Object({
            jobs: Type.Array(DeadJobSchema),
            hidden: Type.Integer({ description: 'Letters that somebody else is looking at right now' }),
          }),
        },
      },
    },
    async () => {
      const { jobs, hidden } = await letters.list();
      return { status: 200, body: { jobs: jobs.map(toJson), hidden } };
    },
  );
}

function actRoute(
  verb: 'redrive' | 'drop',
  summary: string,
  act: (selection: Selection) => Promise<DeadLetterReport>,
): Route {
  return route(
    {
      method: 'post',
      path: `/v1/dead-letters/${verb}`,
      id: `${verb}DeadLetters`,
      tag: 'Jobs',
      scope: 'admin',
      summary,
      body: { json: SelectionSchema },
      answers: { 200: { description: 'What became of each', schema: ReportSchema } },
    },
    async ({ body: { jobIds } }) => {
      const { done, impossible, missing } = await act(jobIds === 'all' ? 'all' : new Set(jobIds));
      const report = { done: done.map(toJson), impossible: impossible.map(toJson), missing: [...missing] };
      return { status: 200, body: report };
    },
  );
}

function toJson({ diedAt, ...job }: DeadJob) {
  return { ...job, diedAt: diedAt.getTime() };
}
