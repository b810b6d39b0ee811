import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { JobClient } from '../../src/jobs/job-client.ts';
import { createApp } from '../../src/web/app.ts';
import { PeopleService } from '../support/people-service.ts';

/** A web tier to send anything to, on a socket, with a worker behind it that sees words; everything in memory. */
export interface FuzzedService extends AsyncDisposable {
  readonly url: string;
}

/** Answers that break their contract are 500 here, and streams that would never end by themselves end at once. */
export async function startFuzzedService(): Promise<FuzzedService> {
  const service = await PeopleService.start();
  const { deployment } = service;
  const client = await JobClient.open(deployment, { webId: 'fuzzed' });
  const app = createApp({ deployment, client, closing: AbortSignal.abort(), checksAnswers: true });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await client[Symbol.asyncDispose]();
      await service[Symbol.asyncDispose]();
    },
  };
}
