import { Type } from 'typebox';

import { errorMessage, isTransient } from '../../errors.ts';
import { JOB_STAGES } from '../../jobs/job.ts';
import type { WebContext } from '../context.ts';
import { type Route, route } from '../http/contract.ts';
import { type EventStream, eventFrame, openEventStream, PING_FRAME } from '../http/event-stream.ts';
import { HttpProblem } from '../problem.ts';
import { jobWithinReach } from '../reach.ts';
import { EVENT_STREAM } from '../schemas/requests.ts';
import { factsOf } from '../submission.ts';

/** Each stream costs a look into the bucket every five seconds. */
const MOST_STREAMS = 1000;
const MOST_PER_CALLER = 100;
const PING_MS = 15_000;
/** A stream that is older ends; whoever still wants to know comes back with the last event's id. */
const LONGEST_MS = 30 * 60_000;

/**
 * The ids of a job's events, the same whenever and wherever it is asked: a stream goes on where another broke off, on any
 * web process. 1 is `queued`, then come the stages, the last is `done`.
 */
const QUEUED = 1;
const DONE = QUEUED + JOB_STAGES.length + 1;

/** `/v1/jobs/<id>/events`: what becomes of a job, as it happens. */
export function jobEventRoutes(context: WebContext): Route[] {
  const streams = new StreamCount();
  const gauge = context.telemetry.metrics.gauge('facefleet_event_streams', 'Jobs that are followed');
  context.telemetry.metrics.onRead(() => gauge.set(streams.total));
  return [
    route(
      {
        method: 'get',
        path: '/v1/jobs/{jobId}/events',
        id: 'followJob',
        tag: 'Jobs',
        scope: 'recognise',
        summary: 'What becomes of a job, as server-sent events',
        description:
          '`queued`, `started`, `stage` (`recognise`, `store`), and `done` with the result, whatever came of it; then the stream ends. Stages are told of jobs that were sent with `Prefer: respond-async`, by the web process that took them; those that pass too fast may be left out. With `Last-Event-ID` only what comes after it is told, and 204 when that was all.',
        params: Type.Object({ jobId: Type.String() }),
        headers: {
          'Last-Event-ID': {
            description: 'The `id` of the last event that was seen',
            schema: Type.String(),
          },
        },
        answers: {
          200: { description: 'The events', content: EVENT_STREAM },
          204: { description: 'There is nothing after that event: do not connect again' },
        },
        problems: [404, 429],
      },
      async ({ params: { jobId }, request, response }) => {
        const seen = lastEventId(request.headers['last-event-id']);
        jobWithinReach(response, await context.client.find(jobId));
        if (seen >= DONE) return { status: 204 };
        const counted = streams.enter(factsOf(response).caller);
        const stream = openEventStream(response, context.closing);
        stream.ended.addEventListener('abort', () => counted[Symbol.dispose](), { once: true });
        if (request.method === 'HEAD' || stream.ended.aborted) {
          stream.end();
          counted[Symbol.dispose]();
          return undefined;
        }
        void follow(context, stream, jobId, seen);
        return undefined;
      },
    ),
  ];
}

/** Sends what is new until the job is done or the stream ends; never rejects. */
async function follow(
  { client, clock, logger }: WebContext,
  stream: EventStream,
  jobId: string,
  seen: number,
): Promise<void> {
  const over = clock.monotonic() + LONGEST_MS;
  let sent = seen;
  let saidAt = clock.monotonic();
  const send = (id: number, type: string, data: unknown) => {
    if (id <= sent) return;
    stream.send(eventFrame(type, data, id));
    sent = id;
    saidAt = clock.monotonic();
  };
  try {
    while (!stream.ended.aborted && clock.monotonic() < over) {
      const stage = client.stageOf(jobId);
      const found = await client.find(jobId);
      // Swept or erased meanwhile.
      if (found === undefined) break;
      if (found.state === 'pending') send(QUEUED, 'queued', { jobId, submittedAt: found.record.submittedAt });
      if (stage !== undefined) {
        const id = QUEUED + 1 + JOB_STAGES.indexOf(stage);
        send(id, stage === 'started' ? 'started' : 'stage', { jobId, stage });
      }
      if (found.state === 'finished') {
        send(DONE, 'done', found.result);
        break;
      }
      if (clock.monotonic() - saidAt >= PING_MS) {
        stream.send(PING_FRAME);
        saidAt = clock.monotonic();
      }
      await client.changed(jobId, stream.ended);
    }
  } catch (error) {
    // The client comes back by itself, with the id of the last event.
    const facts = { jobId, error: errorMessage(error) };
    if (isTransient(error)) logger.debug(facts, 'a stream of events was broken off');
    else logger.warn(facts, 'a stream of events was broken off');
  }
  stream.end();
}

function lastEventId(header: unknown): number {
  return typeof header === 'string' && /^\d{1,3}$/.test(header) ? Number(header) : 0;
}

/** How many streams there are, of each caller. */
class StreamCount {
  readonly #open = new Map<string, number>();
  total = 0;

  /** @throws HttpProblem 429 */
  enter(caller: string): Disposable {
    const open = this.#open.get(caller) ?? 0;
    if (this.total >= MOST_STREAMS || open >= MOST_PER_CALLER) {
      const headers = { 'Retry-After': '10' };
      throw new HttpProblem(429, 'too many jobs are followed at once', { headers });
    }
    this.#open.set(caller, open + 1);
    this.total++;
    let isOpen = true;
    return {
      [Symbol.dispose]: () => {
        if (!isOpen) return;
        isOpen = false;
        this.total--;
        const left = (this.#open.get(caller) ?? 1) - 1;
        if (left === 0) this.#open.delete(caller);
        else this.#open.set(caller, left);
      },
    };
  }
}
