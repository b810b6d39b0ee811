import { JobClient } from '../src/jobs/job-client.ts';
import { createContext } from '../src/web/app.ts';
import type { Route } from '../src/web/http/contract.ts';
import { documentationRoutes } from '../src/web/routes/documentation.ts';
import { createRoutes } from '../src/web/routes/index.ts';
import { MemoryDeployment } from '../test/support/memory-deployment.ts';

/** Every operation of the HTTP interface with its contract, in the order of the documentation; none of them can be called. */
export async function allRoutes(): Promise<Route[]> {
  await using deployment = new MemoryDeployment();
  await using client = await JobClient.open(deployment);
  const routes = createRoutes(createContext({ deployment, client }));
  return [...routes, ...documentationRoutes(routes)];
}
