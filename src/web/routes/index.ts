import type { WebContext } from '../context.ts';
import type { Route } from '../http/contract.ts';
import { deadLetterRoutes } from './dead-letters.ts';
import { fleetRoutes } from './fleet.ts';
import { healthRoutes } from './health.ts';
import { homeRoutes } from './home.ts';
import { jobRoutes } from './jobs.ts';
import { metricsRoutes } from './metrics.ts';
import { recognitionRoutes } from './recognitions.ts';
import { workloadRoutes } from './workload.ts';

/** Every operation there is, in the order in which the documentation shows them. */
export function createRoutes(context: WebContext): Route[] {
  return [
    ...homeRoutes(context),
    ...recognitionRoutes(context),
    ...jobRoutes(context),
    ...deadLetterRoutes(context),
    ...fleetRoutes(context),
    ...workloadRoutes(context),
    ...healthRoutes(context),
    ...metricsRoutes(context),
  ];
}
