import express, { type ErrorRequestHandler, type Express, type Request, type RequestHandler } from 'express';

import { KeyRing } from '../access/key-ring.ts';
import { ApiKeyStore } from '../access/key-store.ts';
import type { Config } from '../config.ts';
import type { Deployment } from '../deployment.ts';
import type { JobClient } from '../jobs/job-client.ts';
import { queueNames } from '../jobs/keys.ts';
import type { Clock } from '../ports/clock.ts';
import { authenticate, authorise } from './access.ts';
import { Admission } from './admission.ts';
import { ByteBudget } from './byte-budget.ts';
import { DEFAULT_WAITS, type WaitLimits, type WebContext } from './context.ts';
import { AnswerBook } from './fleet/answer-book.ts';
import { free } from './free.ts';
import { WebGalleries } from './galleries.ts';
import { guardOrigin } from './guards.ts';
import type { Route } from './http/contract.ts';
import { mountRoutes, refuseOtherMethods } from './http/mount.ts';
import type { Page } from './page/page.ts';
import { pageRoutes } from './page/page-routes.ts';
import { READING_BYTES } from './picture-buffer.ts';
import { HttpProblem, sendProblem, toProblem } from './problem.ts';
import { Readiness } from './readiness.ts';
import { observeRequests } from './request-telemetry.ts';
import { documentationRoutes } from './routes/documentation.ts';
import { createRoutes } from './routes/index.ts';
import { factsOf } from './submission.ts';
import { ClientGoneError } from './upload.ts';

/** So long the rest of a refused upload is read and dropped, so that its client can read why. */
const LINGER_MS = 5000;

export interface AppOptions {
  readonly deployment: Deployment;
  /** Stays the caller's. */
  readonly client: JobClient;
  /** When it aborts, whoever waits for a result is told where to find it. */
  readonly stopWaiting?: AbortSignal;
  /** When it aborts, streams of events end. */
  readonly closing?: AbortSignal;
  readonly waits?: WaitLimits;
  /** Fails answers that break their contract: for tests. */
  readonly checksAnswers?: boolean;
  /** Served at `/ui`; without it there is none. */
  readonly page?: Page;
}

/** The HTTP interface as an Express application, which a test may use without a web tier around it. */
export function createApp(options: AppOptions, context = createContext(options)): Express {
  const app = express();
  app.disable('x-powered-by').disable('etag').set('query parser', 'simple');
  app.use(observeRequests(context.telemetry), prepare, guardOrigin(context.config));
  if (options.page !== undefined) app.use(pageRoutes(options.page));
  const routes = createRoutes(context);
  const all = [...routes, ...documentationRoutes(routes)];
  const isPublic = ({ contract }: Route) => contract.scope === 'public';
  const mounting = { checksAnswers: options.checksAnswers ?? false, authorise };
  mountRoutes(app, all.filter(isPublic), mounting);
  app.use(authenticate(context.config, context.keys.ring));
  mountRoutes(
    app,
    all.filter((one) => !isPublic(one)),
    mounting,
  );
  refuseOtherMethods(app, all);
  app.use(() => {
    throw new HttpProblem(404, 'there is nothing at this address');
  });
  app.use(answerProblem(context));
  return app;
}

/** What the routes of this application work with. */
export function createContext({
  deployment,
  client,
  stopWaiting,
  closing,
  waits = DEFAULT_WAITS,
}: AppOptions): WebContext {
  const { loaded, clock, logger, telemetry, queues } = deployment;
  const { config } = loaded;
  const requests = queues.open(queueNames(config.prefix).requests);
  const horizonSeconds = waits.plainSeconds;
  const store = new ApiKeyStore(deployment);
  return {
    keys: { store, ring: new KeyRing({ store, clock }) },
    config,
    deployment,
    client,
    clock,
    logger,
    telemetry,
    waits,
    admission: new Admission({ requests, clock, logger, capacity: config, horizonSeconds }),
    budget: uploadBudget(config, clock),
    galleries: new WebGalleries(deployment),
    buckets: deployment,
    readiness: new Readiness({ requests, buckets: deployment, clock, logger }),
    answers: new AnswerBook(clock),
    closing: closing ?? new AbortController().signal,
    stopWaiting: stopWaiting ?? new AbortController().signal,
  };
}

function uploadBudget({ uploadBudgetBytes, maxUploadBytes }: Config, clock: Clock): ByteBudget {
  const largestClaimBytes = maxUploadBytes + READING_BYTES;
  return new ByteBudget({
    totalBytes: Math.max(uploadBudgetBytes, largestClaimBytes),
    largestClaimBytes,
    clock,
  });
}

/** The headers that all answers have. */
const prepare: RequestHandler = (_request, response, next) => {
  response.set({ 'X-Content-Type-Options': 'nosniff', 'Cache-Control': 'no-store' });
  next();
};

function answerProblem({ logger, clock }: WebContext): ErrorRequestHandler {
  // Express tells an error handler by its four parameters.
  return (error: unknown, request, response, _next) => {
    const { traceId } = factsOf(response);
    if (error instanceof ClientGoneError || response.destroyed) {
      logger.debug({ traceId }, 'a client went away');
      response.destroy();
      return;
    }
    const problem = toProblem(error, logger.child({ traceId }));
    logger.debug({ traceId, status: problem.status, jobId: problem.jobId }, problem.message);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    sendProblem(request, response, problem);
    if (!request.complete && !request.closed) void linger(request, clock);
  };
}

/**
 * Reads the rest of a refused request and drops it, so that its client gets to read the answer; then cuts it off. What is dropped is
 * freed: a hundred clients that are refused at once send more in that moment than the collector looks for.
 */
async function linger(request: Request, clock: Clock): Promise<void> {
  const over = new AbortController();
  const end = () => over.abort();
  request.once('close', end).on('data', free).resume();
  // A request whose answer is out isn't told any more that its connection has gone.
  request.socket.once('close', end);
  await clock.sleep(LINGER_MS, over.signal);
  request.socket.off('close', end);
  if (!request.complete) request.socket.destroy();
}
