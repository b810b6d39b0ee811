import { timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { errorCode, errorMessage, FacefleetError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { ControllerStatus, Heartbeat, HeartbeatReply } from './heartbeat.ts';

/** What the server hands on; it decides nothing itself. */
export interface ControllerDesk {
  /** Undefined while this controller does not lead: the caller should look again who does. */
  onHeartbeat(beat: Heartbeat): HeartbeatReply | undefined;
  /** False while this controller does not lead. */
  onWake(): boolean;
  onGalleryVersion(version: number): boolean;
  /** There is something to do for this chore. */
  onChore(name: string): boolean;
  status(): ControllerStatus;
}

export interface HeartbeatServerOptions {
  readonly desk: ControllerDesk;
  /** Callers must show it as bearer token. */
  readonly token: string;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default: a free one. */
  readonly port?: number;
  readonly logger: Logger;
}

export interface HeartbeatServer extends AsyncDisposable {
  /** `http://host:port`, where it listens. */
  readonly address: string;
  readonly port: number;
}

const MAX_BODY_BYTES = 16 * 1024;
const BEAT_STATES: readonly unknown[] = ['starting', 'running', 'draining', 'drained'];
const BEAT_NUMBERS = [
  'slot',
  'generation',
  'pid',
  'busy',
  'done',
  'serviceSeconds',
  'concurrency',
  'galleryVersion',
  'residentBytes',
  'uptimeSeconds',
] as const;

/**
 * Where instances report and others drop hints: `POST /heartbeat` (Heartbeat → HeartbeatReply), `/status`
 * (→ ControllerStatus), `/wake`, `/gallery` ({version}) and `/chore` ({name}), with a bearer token. 503 means: not the leader, look again who is.
 */
export async function startHeartbeatServer(options: HeartbeatServerOptions): Promise<HeartbeatServer> {
  const { host = '127.0.0.1', port: wantedPort = 0, token, desk, logger } = options;
  const server = createServer((request, response) => {
    handle(request, response, token, desk).catch((error: unknown) => {
      const status = errorCode(error) === 'bad-request' ? 400 : 500;
      logger.warn({ error: errorMessage(error), path: request.url, status }, 'a call could not be answered');
      if (!response.headersSent) answer(response, status);
    });
  });
  server.requestTimeout = 5000;
  // Longer than the pause between two heartbeats, so that a caller keeps its connection.
  server.keepAliveTimeout = 10_000;
  await listen(server, host, wantedPort);
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new FacefleetError(
      'config-invalid',
      `the controller cannot listen on ${host}, port ${port}: ${errorMessage(cause)}; see FACEFLEET_CONTROLLER_HOST and _PORT`,
      { cause },
    );
  }
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  token: string,
  desk: ControllerDesk,
): Promise<void> {
  if (!isAuthorised(request.headers.authorization, token)) return answer(response, 401);
  if (request.method !== 'POST') return answer(response, 405);
  const body = await readBody(request);
  switch (request.url) {
    case '/heartbeat': {
      const reply = desk.onHeartbeat(parseHeartbeat(body));
      return reply === undefined ? answer(response, 503) : answer(response, 200, reply);
    }
    case '/status':
      return answer(response, 200, desk.status());
    case '/wake':
      return answer(response, desk.onWake() ? 204 : 503);
    case '/gallery':
      return answer(response, desk.onGalleryVersion(parseVersion(body)) ? 204 : 503);
    case '/chore':
      return answer(response, desk.onChore(parseName(body)) ? 204 : 503);
    default:
      return answer(response, 404);
  }
}

function isAuthorised(header: string | undefined, token: string): boolean {
  const given = Buffer.from(header ?? '');
  const expected = Buffer.from(`Bearer ${token}`);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

async function readBody(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_BODY_BYTES) throw badRequest(`a body of more than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  if (sizeBytes === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch {
    throw badRequest('a body that is not JSON');
  }
  if (typeof value !== 'object' || value === null) throw badRequest('a body that is no object');
  return value as Record<string, unknown>;
}

function parseHeartbeat(body: Record<string, unknown>): Heartbeat {
  if (typeof body.instanceId !== 'string' || !BEAT_STATES.includes(body.state)) {
    throw badRequest('a heartbeat without instanceId or with an unknown state');
  }
  for (const name of BEAT_NUMBERS) {
    const value = body[name];
    if (typeof value !== 'number' || !(value >= 0)) {
      throw badRequest(`a heartbeat whose ${name} is ${JSON.stringify(value)}, expected a number from 0`);
    }
  }
  return body as unknown as Heartbeat;
}

function parseVersion({ version }: Record<string, unknown>): number {
  if (typeof version === 'number' && Number.isSafeInteger(version) && version >= 0) return version;
  throw badRequest(`a gallery version of ${JSON.stringify(version)}, expected a whole number from 0`);
}

function parseName({ name }: Record<string, unknown>): string {
  if (typeof name === 'string') return name;
  throw badRequest(`a chore whose name is ${JSON.stringify(name)}, expected text`);
}

function badRequest(what: string): FacefleetError {
  return new FacefleetError('bad-request', `the controller was sent ${what}`);
}

function answer(response: ServerResponse, status: number, body?: object): void {
  if (body === undefined) {
    response.writeHead(status).end();
    return;
  }
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
