import { Type } from 'typebox';

import { askController } from '../../scaling/controller-client.ts';
import type { WebContext } from '../context.ts';
import { FleetReader } from '../fleet/fleet-reader.ts';
import { FleetSampleSchema, FleetSchema } from '../fleet/fleet-view.ts';
import { FleetWatch } from '../fleet/fleet-watch.ts';
import { type Route, route } from '../http/contract.ts';
import { openEventStream } from '../http/event-stream.ts';
import { HttpProblem } from '../problem.ts';
import { EVENT_STREAM } from '../schemas/requests.ts';

/** Far more than look at one fleet; each costs a write a second. */
const MOST_STREAMS = 500;

/** `/v1/fleet` and `/v1/fleet/events`: what waits, who works, and what was decided about it. */
export function fleetRoutes(context: WebContext): Route[] {
  const { deployment, config, answers, clock, closing } = context;
  const heartbeats = async () => (await askController(deployment.state))?.workers;
  const reader = new FleetReader({ deployment, config, answers, heartbeats });
  const watch = new FleetWatch({ read: () => reader.read(), clock, closing });
  return [fleetRoute(reader), eventsRoute(watch, closing)];
}

function fleetRoute(reader: FleetReader): Route {
  return route(
    {
      method: 'get',
      path: '/v1/fleet',
      id: 'getFleet',
      tag: 'Fleet',
      scope: 'recognise',
      summary: 'What waits, who works, and the last scaling decisions with their reasons',
      answers: {
        200: {
          description: 'As of now',
          schema: Type.Object({ fleet: FleetSchema, sample: FleetSampleSchema }),
        },
      },
    },
    async () => ({ status: 200, body: await reader.read() }),
  );
}

function eventsRoute(watch: FleetWatch, closing: AbortSignal): Route {
  return route(
    {
      method: 'get',
      path: '/v1/fleet/events',
      id: 'watchFleet',
      tag: 'Fleet',
      scope: 'recognise',
      summary: 'The same as it changes, as server-sent events',
      description:
        'First `history` (`{samples}`, those of the last five minutes, if somebody watched), then `fleet` whenever it changes and `sample` every second.',
      answers: { 200: { description: 'The events', content: EVENT_STREAM } },
    },
    ({ request, response }) => {
      if (watch.watchers >= MOST_STREAMS) {
        throw new HttpProblem(503, `more than ${MOST_STREAMS} watch already`, {
          headers: { 'Retry-After': '5' },
        });
      }
      const stream = openEventStream(response, closing);
      if (request.method === 'HEAD' || stream.ended.aborted) return void stream.end();
      const watching = watch.watch((frame) => stream.send(frame));
      stream.ended.addEventListener('abort', () => watching[Symbol.dispose](), { once: true });
      return undefined;
    },
  );
}
