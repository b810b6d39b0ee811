import { Type } from 'typebox';

import { carriesToken, METRICS_TYPE } from '../../telemetry/metrics-server.ts';
import type { WebContext } from '../context.ts';
import { isLoopback } from '../guards.ts';
import { type Route, route } from '../http/contract.ts';
import { HttpProblem } from '../problem.ts';

/** `/metrics` of the web tier: open on loopback where no keys are set, otherwise for whoever has the metrics token. */
export function metricsRoutes({ config, telemetry }: Pick<WebContext, 'config' | 'telemetry'>): Route[] {
  const { metricsToken, host, apiKeys } = config;
  const isOpen = metricsToken === '' && isLoopback(host) && apiKeys.length === 0;
  return [
    route(
      {
        method: 'get',
        path: '/metrics',
        id: 'getMetrics',
        tag: 'Service',
        // API keys are for those who ask about pictures; a scraper has a token of its own.
        scope: 'public',
        summary: 'What this process measures of itself, for Prometheus',
        description:
          'Open on loopback where no API keys are set, else for `Authorization: Bearer` and the metrics token.',
        answers: { 200: { description: 'The metrics', content: { 'text/plain': Type.String() } } },
        problems: [401],
      },
      async ({ request }) => {
        const isKnown = metricsToken !== '' && carriesToken(request.headers.authorization, metricsToken);
        if (!isOpen && !isKnown) {
          const headers = { 'WWW-Authenticate': 'Bearer realm="facefleet metrics"' };
          throw new HttpProblem(401, 'a bearer token is needed: FACEFLEET_METRICS_TOKEN', { headers });
        }
        return { status: 200, body: await telemetry.metrics.read(), contentType: METRICS_TYPE };
      },
    ),
  ];
}
