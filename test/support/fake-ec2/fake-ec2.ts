import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemClock } from '../../../src/adapters/local/system-clock.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import { checkWellFormed, describeInstances, instanceXml, stateXml } from './describing.ts';
import { Ec2Error, instanceNotFound, unauthorized } from './ec2-error.ts';
import { Faults } from './faults.ts';
import { type Boot, bootNothing } from './guest.ts';
import { Hypervisor } from './hypervisor.ts';
import type { FakeInstance, StateName } from './instance.ts';
import { readTagList } from './launch-data.ts';
import { LaunchTemplates } from './launch-templates.ts';
import { Launcher } from './launcher.ts';
import { Query } from './query.ts';
import { Region } from './region.ts';
import { describeInstanceTypes, describeOfferings, describeSubnets } from './types.ts';
import { toXml, type XmlStructure } from './xml.ts';

export interface FakeEc2Options {
  readonly clock?: Clock;
  /** What runs on the instances (default: nothing). */
  readonly boot?: Boot;
  /** How long an instance is pending, and stopping or shutting down (default 20 each). */
  readonly pendingMs?: number;
  readonly endingMs?: number;
  /** How far behind the describing calls are (default 0). */
  readonly describeLagMs?: number;
  /** How long a terminated instance is still described (default an hour, as EC2 does). */
  readonly forgetAfterMs?: number;
}

export interface Ec2Call {
  readonly action: string;
  readonly parameters: Readonly<Record<string, string>>;
  /** Monotonic milliseconds. */
  readonly at: number;
}

type Handler = (query: Query) => XmlStructure;

interface Remembered {
  readonly fingerprint: string;
  readonly answer: () => XmlStructure;
}

const NAMESPACE = 'http://ec2.amazonaws.com/doc/2016-11-15/';
const MOST_CLOCK_SKEW_MS = 5 * 60_000;

/**
 * EC2 as its API reference describes it, for one small region: spoken to over HTTP by any client of the query protocol,
 * strict where real EC2 is, and told by the test what is to fail next.
 *
 * What is known of the faithfulness of each rule stands in docs/designs/ec2-fleet.md.
 */
export class FakeEc2 implements AsyncDisposable {
  readonly region = new Region();
  readonly faults: Faults;
  readonly hypervisor: Hypervisor;
  readonly calls: Ec2Call[] = [];
  readonly templates = new LaunchTemplates();
  /** Actions for which the caller has no permission. */
  readonly denied = new Set<string>();
  /** How far behind the describing calls are. */
  describeLagMs: number;
  /** Calls that are not answered yet. */
  inFlight = 0;
  readonly #clock: Clock;
  readonly #forgetAfterMs: number;
  readonly #launcher: Launcher;
  readonly #remembered = new Map<string, Remembered>();
  readonly #server: Server;

  private constructor(options: FakeEc2Options) {
    this.#clock = options.clock ?? systemClock;
    this.#forgetAfterMs = options.forgetAfterMs ?? 3_600_000;
    this.describeLagMs = options.describeLagMs ?? 0;
    this.faults = new Faults(this.#clock);
    this.hypervisor = new Hypervisor({
      clock: this.#clock,
      region: this.region,
      boot: options.boot ?? bootNothing,
      pendingMs: options.pendingMs ?? 20,
      endingMs: options.endingMs ?? 20,
    });
    this.#launcher = new Launcher({
      region: this.region,
      hypervisor: this.hypervisor,
      templates: this.templates,
      isDenied: (action) => this.denied.has(action),
    });
    this.#server = createServer((request, response) => {
      this.inFlight++;
      response.once('close', () => this.inFlight--);
      this.#serve(request, response).catch((error: unknown) => {
        response.writeHead(500).end(String(error));
      });
    });
  }

  static async start(options: FakeEc2Options = {}): Promise<FakeEc2> {
    const fake = new FakeEc2(options);
    fake.#server.listen(0, '127.0.0.1');
    await once(fake.#server, 'listening');
    return fake;
  }

  /** For `AWS_ENDPOINT_URL_EC2`. */
  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The instances in these states, as they really are. */
  inState(...states: readonly StateName[]): FakeInstance[] {
    return [...this.hypervisor.instances.values()].filter(({ state }) => states.includes(state));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await this.hypervisor[Symbol.asyncDispose]();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const query = Query.parse(await bodyOf(request));
    const action = query.text('Action') ?? '';
    this.calls.push({ action, parameters: query.toJSON(), at: this.#clock.monotonic() });
    const fault = this.faults.next(action);
    if (fault !== undefined && fault.moment !== 'after') return this.#fail(response, fault.error);
    try {
      this.#checkCaller(request, action);
      const answer = this.#perform(action, query);
      if (fault !== undefined) return this.#fail(response, fault.error);
      const xml = toXml({ requestId: randomUUID(), ...answer });
      response.writeHead(200, { 'content-type': 'text/xml;charset=UTF-8' });
      response.end(
        `<?xml version="1.0" encoding="UTF-8"?>\n<${action}Response xmlns="${NAMESPACE}">${xml}</${action}Response>`,
      );
    } catch (error) {
      if (!(error instanceof Ec2Error)) throw error;
      this.#fail(response, error);
    }
  }

  #fail(response: ServerResponse, error: Ec2Error | undefined): void {
    if (error === undefined) {
      response.destroy();
      return;
    }
    const { code, message, status } = error;
    const errors = toXml({ Error: { Code: code, Message: message } });
    response.writeHead(status, { 'content-type': 'text/xml;charset=UTF-8' });
    response.end(
      `<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors>${errors}</Errors><RequestID>${randomUUID()}</RequestID></Response>`,
    );
  }

  /** Not whether the signature is right, but whether there is one and its date is near. */
  #checkCaller({ headers }: IncomingMessage, action: string): void {
    if (headers.authorization?.startsWith('AWS4-HMAC-SHA256 ') !== true) {
      throw new Ec2Error('AuthFailure', 'AWS was not able to validate the provided access credentials', 401);
    }
    const [, year, month, day, hour, minute, second] =
      /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(String(headers['x-amz-date'])) ?? [];
    const date = Date.UTC(
      Number(year),
      Number(month) - 1,
      Number(day),
      Number(hour),
      Number(minute),
      Number(second),
    );
    if (!(Math.abs(Date.now() - date) < MOST_CLOCK_SKEW_MS)) {
      throw new Ec2Error('RequestExpired', 'Request has expired.');
    }
    if (this.denied.has(action)) throw unauthorized(action);
  }

  #perform(action: string, query: Query): XmlStructure {
    const version = query.required('Version');
    if (version !== '2016-11-15') {
      throw new Ec2Error(
        'NoSuchVersion',
        `The requested version (${version}) of service AmazonEC2 does not exist`,
      );
    }
    const handler = this.#handlers[action];
    if (handler === undefined) {
      throw new Ec2Error('InvalidAction', `The action ${action} is not valid for this web service.`);
    }
    if (query.flag('DryRun') === true) {
      throw new Ec2Error('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.', 412);
    }
    const answer = handler(query);
    query.refuseUnread();
    return answer;
  }

  readonly #handlers: Readonly<Record<string, Handler>> = {
    RunInstances: (query) => this.#once('RunInstances', query, () => this.#runInstances(query)),
    CreateFleet: (query) =>
      this.#once('CreateFleet', query, () => {
        const answer = this.#launcher.createFleet(query);
        return () => answer;
      }),
    DescribeInstances: (query) => {
      const at = this.#clock.monotonic();
      return describeInstances(query, {
        instances: this.hypervisor.instances.values(),
        region: this.region,
        at: at - this.describeLagMs,
        forgottenBefore: at - this.#forgetAfterMs,
      });
    },
    StartInstances: (query) =>
      this.#change(query, 'startable', (instance) => this.hypervisor.start(instance)),
    StopInstances: (query) => {
      query.flag('Force');
      query.flag('Hibernate');
      return this.#change(query, 'stoppable', (instance) => this.hypervisor.stop(instance));
    },
    TerminateInstances: (query) =>
      this.#change(query, 'any', (instance) => this.hypervisor.terminate(instance)),
    CreateTags: (query) => this.#tag(query),
    CreateLaunchTemplate: (query) => this.templates.create(query),
    CreateLaunchTemplateVersion: (query) => this.templates.createVersion(query),
    ModifyLaunchTemplate: (query) => this.templates.modify(query),
    DeleteLaunchTemplate: (query) => this.templates.delete(query),
    DescribeLaunchTemplates: (query) => this.templates.describe(query),
    DescribeLaunchTemplateVersions: (query) => this.templates.describeVersions(query),
    DescribeInstanceTypes: (query) => describeInstanceTypes(query, this.region),
    DescribeInstanceTypeOfferings: (query) => describeOfferings(query, this.region),
    DescribeSubnets: (query) => describeSubnets(query, this.region),
  };

  /** A client token that has succeeded does nothing again; with other parameters it is refused. */
  #once(action: string, query: Query, act: () => () => XmlStructure): XmlStructure {
    const token = query.text('ClientToken');
    if (token === undefined || token === '') return act()();
    const key = `${action} ${token}`;
    const fingerprint = query.fingerprint();
    const known = this.#remembered.get(key);
    if (known === undefined) {
      const answer = act();
      this.#remembered.set(key, { fingerprint, answer });
      return answer();
    }
    if (known.fingerprint !== fingerprint) {
      throw new Ec2Error(
        'IdempotentParameterMismatch',
        'Arguments on this idempotent request are inconsistent with arguments used in previous request(s).',
      );
    }
    // It was read when it was first performed.
    query.ignoreUnread();
    return known.answer();
  }

  #runInstances(query: Query): () => XmlStructure {
    const { reservationId, instances } = this.#launcher.run(query);
    return () => ({
      reservationId,
      ownerId: '123456789012',
      groupSet: [],
      instancesSet: instances.map((instance) =>
        instanceXml({ instance, state: instance.state, reason: undefined }, this.region),
      ),
    });
  }

  /** All of them or none. */
  #change(
    query: Query,
    needed: 'startable' | 'stoppable' | 'any',
    change: (instance: FakeInstance) => void,
  ): XmlStructure {
    const ids = query.texts('InstanceId');
    if (ids.length === 0)
      throw new Ec2Error('MissingParameter', 'The request must contain the parameter InstanceId');
    query.refuseUnread();
    checkWellFormed(ids);
    const unknown = ids.filter((id) => !this.hypervisor.instances.has(id));
    if (unknown.length > 0) throw instanceNotFound(unknown);
    const instances = ids.map((id) => this.hypervisor.find(id));
    for (const instance of instances) {
      if (needed === 'startable') instance.checkStartable();
      if (needed === 'stoppable') instance.checkStoppable();
    }
    const changes = instances.map((instance) => {
      const previousState = stateXml(instance.state);
      change(instance);
      return { instanceId: instance.id, currentState: stateXml(instance.state), previousState };
    });
    return { instancesSet: changes };
  }

  #tag(query: Query): XmlStructure {
    const ids = query.texts('ResourceId');
    const tags = readTagList(query);
    for (const id of ids) {
      const instance = this.hypervisor.find(id);
      for (const [key, value] of tags) instance.tags.set(key, value);
    }
    return { return: true };
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
