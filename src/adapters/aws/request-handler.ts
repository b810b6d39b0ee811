import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { NodeHttpHandler } from '@smithy/node-http-handler';

const CONNECTION_TIMEOUT_MS = 3000;

export interface RequestHandlerOptions {
  readonly maxSockets: number;
  /** A connection on which nothing moves for so long fails. Long polls need more than they wait. */
  readonly silenceMs: number;
}

/** Keeps connections, and never waits for a dead one without end. */
export function requestHandler({ maxSockets, silenceMs }: RequestHandlerOptions): NodeHttpHandler {
  const agent = { keepAlive: true, maxSockets };
  return new NodeHttpHandler({
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    socketTimeout: silenceMs,
    httpAgent: new HttpAgent(agent),
    httpsAgent: new HttpsAgent(agent),
  });
}
