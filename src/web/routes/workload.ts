import type { Request } from 'express';
import { Type } from 'typebox';

import { samplePictures } from '../../workload/sample-pictures.ts';
import { keyOf } from '../access.ts';
import type { WebContext } from '../context.ts';
import { MOST_PER_SECOND, MOST_REQUESTS, WorkloadRunner } from '../fleet/workload-runner.ts';
import { WorkloadStatusSchema } from '../fleet/workload-view.ts';
import { isLoopback } from '../guards.ts';
import { type Route, route } from '../http/contract.ts';
import { HttpProblem } from '../problem.ts';

const DEFAULT_REQUESTS = 200;
const DEFAULT_PER_SECOND = 20;

const OrderSchema = Type.Object(
  {
    requests: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: MOST_REQUESTS,
        description: `How many pictures (${DEFAULT_REQUESTS})`,
      }),
    ),
    ratePerSecond: Type.Optional(
      Type.Number({
        minimum: 0.1,
        maximum: MOST_PER_SECOND,
        description: `How fast (${DEFAULT_PER_SECOND})`,
      }),
    ),
  },
  { additionalProperties: false, title: 'WorkloadOrder' },
);

/**
 * `/v1/workload`: sends the sample pictures to this service itself, to see how it behaves. Only where nobody else can
 * reach it: on a server that others use it would be a means to keep them waiting.
 */
export function workloadRoutes(context: WebContext): Route[] {
  const { clock, logger, closing } = context;
  const runner = new WorkloadRunner({ pictures: samplePictures(), clock, logger, closing });
  return [statusRoute(context, runner), startRoute(context, runner), stopRoute(runner)];
}

const common = { path: '/v1/workload', tag: 'Fleet', scope: 'admin' } as const;

function statusRoute({ config }: WebContext, runner: WorkloadRunner): Route {
  return route(
    {
      ...common,
      method: 'get',
      id: 'getWorkload',
      summary: 'How the workload generator is doing',
      answers: {
        200: {
          description: 'The run under way, or the last one',
          schema: Type.Object({
            isAllowed: Type.Boolean({ description: 'False where other machines can reach this service' }),
            workload: WorkloadStatusSchema,
          }),
        },
      },
    },
    ({ request }) => ({
      status: 200,
      body: { isAllowed: refusalOf(config.host, request) === undefined, workload: runner.status },
    }),
  );
}

function startRoute({ config }: WebContext, runner: WorkloadRunner): Route {
  return route(
    {
      ...common,
      method: 'post',
      id: 'startWorkload',
      summary: 'Send sample pictures to this service, to see it grow and shrink',
      body: { json: OrderSchema },
      answers: { 202: { description: 'They are being sent', schema: WorkloadStatusSchema } },
      problems: [403, 409],
    },
    ({ request, body: { requests = DEFAULT_REQUESTS, ratePerSecond = DEFAULT_PER_SECOND } }) => {
      const refusal = refusalOf(config.host, request);
      if (refusal !== undefined) throw new HttpProblem(403, refusal);
      const order = { url: ownUrl(request), requests, ratePerSecond, apiKey: keyOf(request) };
      if (!runner.start(order)) throw new HttpProblem(409, 'the workload generator is running already');
      return { status: 202, body: runner.status };
    },
  );
}

function stopRoute(runner: WorkloadRunner): Route {
  return route(
    {
      ...common,
      method: 'delete',
      id: 'stopWorkload',
      summary: 'Stop sending pictures',
      description: 'What was accepted is still worked off.',
      answers: { 204: { description: 'None is running any more' } },
    },
    () => {
      runner.stop();
      return { status: 204 };
    },
  );
}

/** Why it may not be started here; undefined when it may. */
function refusalOf(host: string, { socket }: Request): string | undefined {
  if (!isLoopback(host))
    return 'the workload generator runs only where no other machine can reach the service';
  if ('encrypted' in socket) return 'the workload generator speaks no TLS; use `facefleet workload --url`';
  return undefined;
}

/** Where this request came in, a pictures's way in too. */
function ownUrl({ socket: { localAddress = '127.0.0.1', localPort } }: Request): string {
  const address = localAddress.replace(/^::ffff:/, '');
  return `http://${address.includes(':') ? `[${address}]` : address}:${localPort}/`;
}
