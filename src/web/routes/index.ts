import type { WebContext } from '../context.ts';
import type { Route } from '../http/contract.ts';
import { accessRoutes } from './access.ts';
import { batchRoutes } from './batches.ts';
import { deadLetterRoutes } from './dead-letters.ts';
import { erasureRoutes } from './erasures.ts';
import { faceRoutes } from './faces.ts';
import { fleetRoutes } from './fleet.ts';
import { galleryRoutes } from './galleries.ts';
import { DEFAULT_PLACE, NAMED_PLACE } from './gallery-place.ts';
import { healthRoutes } from './health.ts';
import { homeRoutes } from './home.ts';
import { jobEventRoutes } from './job-events.ts';
import { galleryJobRoutes, jobRoutes } from './jobs.ts';
import { keyRoutes } from './keys.ts';
import { metricsRoutes } from './metrics.ts';
import { peopleRoutes } from './people.ts';
import { detectionRoutes, recognitionRoutes } from './recognitions.ts';
import { workloadRoutes } from './workload.ts';

/** Every operation there is, in the order in which the documentation shows them. */
export function createRoutes(context: WebContext): Route[] {
  return [
    ...homeRoutes(context),
    ...recognitionRoutes(context, DEFAULT_PLACE),
    ...detectionRoutes(context),
    ...jobRoutes(context),
    ...jobEventRoutes(context),
    ...batchRoutes(context),
    ...deadLetterRoutes(context),
    ...fleetRoutes(context),
    ...workloadRoutes(context),
    ...galleryRoutes(context),
    ...[DEFAULT_PLACE, NAMED_PLACE].flatMap((place) => [
      ...peopleRoutes(context, place),
      ...faceRoutes(context, place),
      ...erasureRoutes(context, place),
    ]),
    ...recognitionRoutes(context, NAMED_PLACE),
    ...galleryJobRoutes(context),
    ...keyRoutes(context),
    ...accessRoutes(),
    ...healthRoutes(context),
    ...metricsRoutes(context),
  ];
}
