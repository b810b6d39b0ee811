import { Router } from 'express';

import { packageVersion } from '../../version.ts';
import type { WebContext } from '../context.ts';

/** `/healthz` (the process lives) and `/readyz` (queue and buckets answer): for load balancers, so without a key. */
export function healthRoutes({ readiness }: Pick<WebContext, 'readiness'>): Router {
  const router = Router();
  router.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' });
  });
  router.get('/readyz', async (_request, response) => {
    const { isReady, checks } = await readiness.check();
    response.status(isReady ? 200 : 503).json({ status: isReady ? 'ready' : 'not ready', checks });
  });
  return router;
}

/** `/version`: what runs here. */
export function versionRoutes({ config }: Pick<WebContext, 'config'>): Router {
  const version = packageVersion();
  const router = Router();
  router.get('/version', (_request, response) => {
    const { dialect, pack } = config;
    response.json({ name: 'facefleet', version, node: process.version, dialect, pack });
  });
  return router;
}
