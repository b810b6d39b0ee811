import type { WebContext } from '../context.ts';
import type { Route } from '../http/contract.ts';
import { healthRoutes } from './health.ts';
import { homeRoutes } from './home.ts';
import { jobRoutes } from './jobs.ts';
import { metricsRoutes } from './metrics.ts';
import { recognitionRoutes } from './recognitions.ts';

/** Every operation there is, in the order in which the documentation shows them. */
export function createRoutes(context: WebContext): Route[] {
  return [
    ...homeRoutes(context),
    ...recognitionRoutes(context),
    ...jobRoutes(context),
    ...healthRoutes(context),
    ...metricsRoutes(context),
  ];
}
