import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

import { ApiKeyStore } from '../access/key-store.ts';
import type { Config } from '../config.ts';
import type { Deployment } from '../deployment.ts';
import { FacefleetError } from '../errors.ts';
import { JobClient } from '../jobs/job-client.ts';
import { createApp, createContext } from './app.ts';
import type { WaitLimits, WebContext } from './context.ts';
import { checkBinding } from './guards.ts';
import type { Page } from './page/page.ts';
import { CertificateWatch, type KeyPair, readKeyPair, type TlsFiles } from './tls.ts';

/** A client gets so long for its headers, and so long for its whole request. */
const HEADERS_TIMEOUT_MS = 15_000;
const REQUEST_TIMEOUT_MS = 300_000;
/**
 * Longer than a load balancer keeps an idle connection, so that it is never we who close one in use: ours (deploy/cloudformation)
 * keeps them 300 s, since `POST /` may be silent for 290.
 */
const KEEP_ALIVE_MS = 310_000;
const MAX_CONNECTIONS = 4096;
/** At shutdown: so long for those who wait to get their answer, then to be told where to find it. */
const DRAIN_MS = 20_000;
const LAST_WORDS_MS = 2000;

export interface WebTierOptions {
  readonly deployment: Deployment;
  readonly waits?: WaitLimits;
  /** Fails answers that break their contract: for tests. */
  readonly checksAnswers?: boolean;
  readonly page?: Page;
}

/** The running web tier. Disposing of it drains it: nobody new, answers for those who wait, then closed. */
export interface WebTier extends AsyncDisposable {
  /** Where it listens, as a client on this machine would write it. */
  readonly url: string;
  readonly port: number;
}

/**
 * Starts to listen on the configured host and port.
 *
 * @throws FacefleetError `config-invalid` (strangers could come in without a key, a certificate that cannot serve),
 *   `conflict` (the port is taken), `permission-denied`.
 */
export async function startWebTier({ deployment, ...settings }: WebTierOptions): Promise<WebTier> {
  const { logger } = deployment;
  const { config } = deployment.loaded;
  await checkBinding(config, () => new ApiKeyStore(deployment).hasUsableAdmin());
  const files = tlsFiles(config);
  const pair = files && readKeyPair(files, deployment.clock.now());
  const client = await JobClient.open(deployment, { webId: config.webId });
  const stopWaiting = new AbortController();
  const ending = new AbortController();
  const signals = { stopWaiting: stopWaiting.signal, closing: ending.signal };
  const options = { deployment, client, ...signals, ...settings };
  const context = createContext(options);
  const app = createApp(options, context);
  const server = serve(app, pair);
  const open = trackResponses(server);
  try {
    await listen(server, config);
  } catch (error) {
    await client[Symbol.asyncDispose]();
    throw error;
  }
  const { port } = server.address() as AddressInfo;
  const certificate = watchCertificate(server, files, pair, deployment);
  const url = `${pair === undefined ? 'http' : 'https'}://${urlHost(config.host)}:${port}`;
  logger.info({ url, dialect: config.dialect }, 'listening');
  void preload(context);
  let closing: Promise<void> | undefined;
  const close = async () => {
    await certificate?.[Symbol.asyncDispose]();
    ending.abort();
    await drain({ server, open, stopWaiting, deployment });
    await client[Symbol.asyncDispose]();
    logger.info('closed');
  };
  return {
    url,
    port,
    [Symbol.asyncDispose]: () => {
      closing ??= close();
      return closing;
    },
  };
}

/** Nobody waits for it: a request that comes first reads along, and one after a failure reads anew. */
async function preload({ galleries, closing, logger }: WebContext): Promise<void> {
  try {
    await galleries.preload();
  } catch (error) {
    if (closing.aborted) return;
    logger.warn(
      { err: error },
      'the gallery could not be read ahead; the first request about it will try again',
    );
  }
}

function serve(app: ReturnType<typeof createApp>, pair: KeyPair | undefined): Server | TlsServer {
  const limits = {
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: 1000,
    keepAliveTimeout: KEEP_ALIVE_MS,
  };
  const server =
    pair === undefined
      ? createServer(limits, app)
      : createTlsServer(
          {
            ...limits,
            cert: pair.cert,
            key: pair.key,
            minVersion: 'TLSv1.2',
            handshakeTimeout: HEADERS_TIMEOUT_MS,
          },
          app,
        );
  server.maxConnections = MAX_CONNECTIONS;
  return server;
}

function tlsFiles({ tlsCert, tlsKey }: Config): TlsFiles | undefined {
  if (tlsCert === undefined || tlsKey === undefined) return undefined;
  return { certFile: tlsCert, keyFile: tlsKey };
}

function watchCertificate(
  server: Server | TlsServer,
  files: TlsFiles | undefined,
  current: KeyPair | undefined,
  { clock, logger }: Deployment,
): CertificateWatch | undefined {
  if (files === undefined || current === undefined || !('setSecureContext' in server)) return undefined;
  return new CertificateWatch({ server, files, current, clock, logger });
}

async function listen(
  server: Server | TlsServer,
  { host, port }: { host: string; port: number },
): Promise<void> {
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (cause) {
    throw listenError(cause as NodeJS.ErrnoException, `${urlHost(host)}:${port}`);
  }
}

function listenError(cause: NodeJS.ErrnoException, address: string): FacefleetError {
  if (cause.code === 'EADDRINUSE') {
    const message = `${address} is taken by another program; choose another port with --port or PORT`;
    return new FacefleetError('conflict', message, { cause });
  }
  if (cause.code === 'EACCES') {
    return new FacefleetError('permission-denied', `${address} may not be listened on by this user`, {
      cause,
    });
  }
  return new FacefleetError('config-invalid', `cannot listen on ${address}: ${cause.message}`, { cause });
}

/** The responses that are not finished. Once the server is closing, each of them is the last on its connection. */
function trackResponses(server: Server | TlsServer): Set<ServerResponse> {
  const open = new Set<ServerResponse>();
  server.prependListener('request', (_request, response) => {
    open.add(response);
    response.once('close', () => open.delete(response));
    if (!server.listening) response.setHeader('Connection', 'close');
  });
  return open;
}

interface Drained {
  readonly server: Server | TlsServer;
  readonly open: ReadonlySet<ServerResponse>;
  readonly stopWaiting: AbortController;
  readonly deployment: Pick<Deployment, 'clock' | 'logger' | 'lost'>;
}

async function drain({ server, open, stopWaiting, deployment }: Drained): Promise<void> {
  const { clock, logger, lost } = deployment;
  const closed = new AbortController();
  server.close(() => closed.abort());
  server.closeIdleConnections();
  for (const response of open) if (!response.headersSent) response.setHeader('Connection', 'close');
  // Without the broker no answer will come.
  await clock.sleep(DRAIN_MS, AbortSignal.any([closed.signal, lost]));
  if (closed.signal.aborted) return;
  logger.info({ open: open.size }, 'telling those who still wait where to find their answers');
  stopWaiting.abort();
  await clock.sleep(LAST_WORDS_MS, closed.signal);
  server.closeAllConnections();
}

function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
