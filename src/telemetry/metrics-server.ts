import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { errorMessage, FacefleetError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { MetricRegistry } from './metrics.ts';

/** Not imported: that would load undici too, 17 MB of a worker's memory. */
const http = process.getBuiltinModule('node:http');

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Ports of the tiers beside the first one: of the broker, the controller, and of workers by their slot. */
export const METRICS_PORTS = { broker: 0, controller: 1, worker: 10 } as const;

export interface MetricsServerOptions {
  readonly metrics: MetricRegistry;
  readonly host: string;
  readonly port: number;
  /** What a caller must show as bearer token; empty: nothing. */
  readonly token: string;
  readonly logger: Logger;
}

export interface MetricsServer extends AsyncDisposable {
  /** Of the metrics. */
  readonly url: string;
}

/**
 * Serves `GET /metrics` of a tier that has no web server of its own. A port that is taken costs the metrics, not the
 * tier: then it resolves to undefined and the log says why.
 *
 * @throws FacefleetError `config-invalid` when other machines could read it without a token.
 */
export async function startMetricsServer(options: MetricsServerOptions): Promise<MetricsServer | undefined> {
  const { host, port, token, logger } = options;
  if (!isLoopbackAddress(host) && token === '') {
    throw new FacefleetError(
      'config-invalid',
      `FACEFLEET_METRICS_HOST is ${host}, which other machines can reach: set FACEFLEET_METRICS_TOKEN`,
    );
  }
  const server = http.createServer((request, response) => void answer(request, response, options));
  server.requestTimeout = 5000;
  server.maxConnections = 32;
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
  } catch (error) {
    logger.warn({ host, port, error: errorMessage(error) }, 'metrics are not served: the port cannot be had');
    return undefined;
  }
  server.on('error', (error) => logger.warn({ error: errorMessage(error) }, 'serving metrics failed'));
  // A tier ends when its work does.
  server.unref();
  const { port: taken } = server.address() as AddressInfo;
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${taken}/metrics`;
  logger.info({ url }, 'metrics are served');
  return {
    url,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Whether the header carries the token. Compares digests, so that the time taken tells nothing. */
export function carriesToken(authorization: string | undefined, token: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(authorization ?? ''), digest(`Bearer ${token}`));
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { metrics, token, host, logger }: MetricsServerOptions,
): Promise<void> {
  request.resume();
  const refuse = (status: number, text: string) =>
    response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
  try {
    if (token !== '' && !carriesToken(request.headers.authorization, token)) {
      response.setHeader('www-authenticate', 'Bearer realm="facefleet metrics"');
      return void refuse(401, 'a bearer token is needed: FACEFLEET_METRICS_TOKEN');
    }
    // A web page may point a name of its own at this address, and then read what it gets.
    if (token === '' && !isOurName(request.headers.host, host)) return void refuse(403, 'not our Host');
    if (request.url !== '/metrics') return void refuse(404, 'there is only /metrics');
    if (request.method !== 'GET' && request.method !== 'HEAD') return void refuse(405, 'only GET');
    const text = await metrics.read();
    response.writeHead(200, { 'content-type': METRICS_TYPE, 'cache-control': 'no-store' });
    response.end(request.method === 'HEAD' ? undefined : text);
  } catch (error) {
    logger.warn({ error: errorMessage(error) }, 'metrics could not be read');
    if (!response.headersSent) refuse(500, 'the metrics could not be read');
    else response.destroy();
  }
}

function isOurName(header: string | undefined, host: string): boolean {
  const name = URL.parse(`http://${header ?? ''}`)?.hostname.replace(/^\[|\]$/g, '') ?? '';
  return name === host || isLoopbackAddress(name);
}

function isLoopbackAddress(host: string): boolean {
  return host === '::1' || host === 'localhost' || /^127\.\d+\.\d+\.\d+$/.test(host);
}
