import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FakeInstance } from './instance.ts';

const MOST_TTL_SECONDS = 21_600;

/** The instance metadata service of one instance, version 2: nothing is told without a session's token. */
export interface MetadataServer extends AsyncDisposable {
  readonly endpoint: string;
  announceInterruption(at: Date): void;
  recommendRebalance(at: Date): void;
  /** As if the time of all tokens were over. */
  endSessions(): void;
}

interface Answer {
  readonly status: number;
  readonly body?: string;
}

export async function startMetadataServer(instance: FakeInstance): Promise<MetadataServer> {
  const desk = new MetadataDesk(instance);
  const server = createServer((request, response) => {
    const { status, body = '' } = desk.answer(request);
    response.writeHead(status, { 'content-type': 'text/plain' }).end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    announceInterruption: (at) => {
      desk.interruptionAt = at;
    },
    recommendRebalance: (at) => {
      desk.rebalanceAt = at;
    },
    endSessions: () => desk.endSessions(),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

class MetadataDesk {
  readonly #instance: FakeInstance;
  readonly #tokens = new Map<string, number>();
  interruptionAt: Date | undefined;
  rebalanceAt: Date | undefined;

  constructor(instance: FakeInstance) {
    this.#instance = instance;
  }

  endSessions(): void {
    this.#tokens.clear();
  }

  answer(request: IncomingMessage): Answer {
    const path = decodeURIComponent(request.url ?? '/');
    if (request.method === 'PUT') return this.#openSession(request, path);
    if (request.method !== 'GET') return { status: 405 };
    const token = request.headers['x-aws-ec2-metadata-token'];
    const isKnown = typeof token === 'string' && (this.#tokens.get(token) ?? 0) > performance.now();
    const { areTokensRequired } = this.#instance.specification;
    if (!isKnown && (areTokensRequired || token !== undefined)) return { status: 401 };
    const body = this.#metadata(path.replace(/\/$/, ''));
    return body === undefined ? { status: 404 } : { status: 200, body };
  }

  #openSession({ headers }: IncomingMessage, path: string): Answer {
    if (path !== '/latest/api/token') return { status: 404 };
    // Through an open proxy it tells nothing.
    if (headers['x-forwarded-for'] !== undefined) return { status: 403 };
    const seconds = Number(headers['x-aws-ec2-metadata-token-ttl-seconds']);
    if (!Number.isInteger(seconds) || seconds < 1 || seconds > MOST_TTL_SECONDS) return { status: 400 };
    const token = randomBytes(30).toString('base64');
    this.#tokens.set(token, performance.now() + seconds * 1000);
    return { status: 200, body: token };
  }

  #metadata(path: string): string | undefined {
    if (path === '/latest/user-data') return this.#instance.specification.userData || undefined;
    const start = '/latest/meta-data/';
    if (!path.startsWith(start)) return undefined;
    const name = path.slice(start.length);
    if (name.startsWith('tags/instance')) return this.#tags(name.slice('tags/instance'.length + 1));
    return this.#facts()[name];
  }

  #facts(): Record<string, string | undefined> {
    const { id, privateIp, specification, isSpot } = this.#instance;
    const { type, zone } = specification.offering;
    return {
      'instance-id': id,
      'instance-type': type,
      'instance-life-cycle': isSpot ? 'spot' : 'on-demand',
      'local-ipv4': privateIp,
      'placement/availability-zone': zone,
      'placement/region': zone.slice(0, -1),
      'spot/instance-action':
        this.interruptionAt && JSON.stringify({ action: 'terminate', time: seconds(this.interruptionAt) }),
      'events/recommendations/rebalance':
        this.rebalanceAt && JSON.stringify({ noticeTime: seconds(this.rebalanceAt) }),
      'iam/security-credentials': 'fake-role',
      'iam/security-credentials/fake-role': credentials(),
    };
  }

  #tags(key: string): string | undefined {
    if (!this.#instance.specification.areTagsInMetadata) return undefined;
    const { tags } = this.#instance;
    return key === '' ? [...tags.keys()].join('\n') : tags.get(key);
  }
}

/** As EC2 writes times: without fractions. */
function seconds(at: Date): string {
  return at.toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Of the instance's role, as the SDK's default chain looks for them. */
function credentials(): string {
  return JSON.stringify({
    Code: 'Success',
    LastUpdated: seconds(new Date()),
    Type: 'AWS-HMAC',
    AccessKeyId: 'ASIAFAKEROLE',
    SecretAccessKey: 'fake',
    Token: 'fake',
    Expiration: seconds(new Date(Date.now() + 6 * 3_600_000)),
  });
}
