import type { Request, RequestHandler, Response } from 'express';

import { epochOf, type Telemetry } from '../telemetry/telemetry.ts';
import {
  formatTraceparent,
  newSpanId,
  newTraceId,
  parseTraceparent,
  type TraceContext,
} from '../telemetry/trace-context.ts';

/**
 * Gives the request its place in a trace, the caller's if it sent a `traceparent`, tells it in the answer's headers,
 * and counts and records the request when it is over.
 */
export function observeRequests({ metrics, spans }: Telemetry): RequestHandler {
  const requests = metrics.counter('facefleet_http_requests_total', 'Requests answered or given up', [
    'method',
    'route',
    'status',
  ]);
  const durations = metrics.histogram(
    'facefleet_http_request_duration_seconds',
    'From the first header to the end of the answer',
    ['route'],
  );
  const open = metrics.gauge('facefleet_http_requests_in_progress', 'Requests not yet answered');
  return (request, response, next) => {
    const startedAt = performance.now();
    const parent = parseTraceparent(request.headers.traceparent);
    const traceId = parent?.traceId ?? newTraceId();
    const isSampled = spans?.samples(traceId, parent) ?? false;
    // Whoever records nothing is no part of the trace: what comes behind is the caller's child.
    const passedOn = spans === undefined ? parent : undefined;
    const trace: TraceContext = passedOn ?? { traceId, spanId: newSpanId(), isSampled };
    response.locals.trace = trace;
    response.set({ 'X-Trace-Id': traceId, traceparent: formatTraceparent(trace) });
    open.add(1);
    response.once('close', () => {
      open.add(-1);
      const route = routeOf(request);
      const status = statusOf(response);
      requests.of(methodOf(request), route, status).add();
      const endedAt = performance.now();
      durations.of(route).observe((endedAt - startedAt) / 1000);
      if (!isSampled) return;
      spans?.record({
        ...trace,
        parentSpanId: parent?.spanId,
        name: `${methodOf(request)} ${route}`,
        kind: 'server',
        startMs: epochOf(startedAt),
        endMs: epochOf(endedAt),
        attributes: attributesOf(request, response, route),
        error: response.statusCode >= 500 ? `answered ${status}` : undefined,
      });
    });
    next();
  };
}

/** The path as it is registered, so that ids in it make no series of their own. */
function routeOf(request: Request): string {
  const path: unknown = request.route?.path;
  return typeof path === 'string' ? path : 'none';
}

const METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Anybody may send a method that nobody has heard of, each of which would be a series. */
function methodOf({ method }: Request): string {
  return METHODS.includes(method) ? method : 'other';
}

/** 499 as others have it: the client went away before its answer was written. */
function statusOf(response: Response): string {
  return response.writableFinished ? String(response.statusCode) : '499';
}

function attributesOf(request: Request, response: Response, route: string): Record<string, string | number> {
  const jobId = response.getHeader('X-Job-Id');
  return {
    'http.request.method': methodOf(request),
    'http.route': route,
    'http.response.status_code': response.statusCode,
    'url.path': request.path,
    ...(typeof jobId === 'string' && { 'facefleet.job_id': jobId }),
  };
}
