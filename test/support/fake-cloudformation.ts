import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

interface Parameter {
  readonly name: string;
  readonly value: string;
}

interface ChangeSet {
  readonly id: string;
  readonly stack: string;
  readonly template: string;
  readonly parameters: readonly Parameter[];
  readonly isCreation: boolean;
  /** Looks until it is worked out. */
  looks: number;
}

interface StackRecord {
  readonly id: string;
  readonly name: string;
  status: string;
  template: string;
  parameters: readonly Parameter[];
  looks: number;
  next: (() => void) | undefined;
  readonly events: string[];
}

class CfnError extends Error {
  readonly code: string;
  readonly status: number;
  constructor(code: string, message: string, status = 400) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

const EVENTS_PER_PAGE = 3;
const EMPTY =
  "The submitted information didn't contain changes. Submit different information to create a change set.";

/**
 * CloudFormation's query protocol, for the unmodified SDK: change sets that take a look to be worked out and fail when
 * there is nothing to do, stacks that take some looks to settle, events in pages, newest first. Resources are names only.
 */
export class FakeCloudFormation implements AsyncDisposable {
  readonly url: string;
  readonly #server: Server;
  readonly #stacks = new Map<string, StackRecord>();
  readonly #changeSets = new Map<string, ChangeSet>();
  /** All calls, by action. */
  readonly calls: URLSearchParams[] = [];
  /** The next execution fails with this reason at its first resource. */
  failNext: string | undefined;
  /** The next calls are answered with these. */
  readonly faults: { code: string; message: string; status: number }[] = [];
  #count = 0;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  static async start(): Promise<FakeCloudFormation> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const fake = new FakeCloudFormation(server);
    server.on('request', async (request, response) => {
      let body = '';
      for await (const chunk of request) body += String(chunk);
      const { status, xml } = fake.#answer(new URLSearchParams(body));
      response.writeHead(status, { 'content-type': 'text/xml' }).end(xml);
    });
    return fake;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #answer(query: URLSearchParams): { status: number; xml: string } {
    this.calls.push(query);
    const action = query.get('Action') ?? '';
    try {
      const fault = this.faults.shift();
      if (fault !== undefined) throw new CfnError(fault.code, fault.message, fault.status);
      const result = this.#perform(action, query);
      return {
        status: 200,
        xml: `<${action}Response><${action}Result>${result}</${action}Result></${action}Response>`,
      };
    } catch (error) {
      if (!(error instanceof CfnError)) throw error;
      const { code, message, status } = error;
      return {
        status,
        xml: `<ErrorResponse><Error><Type>Sender</Type>${tag('Code', code)}${tag('Message', message)}</Error></ErrorResponse>`,
      };
    }
  }

  #perform(action: string, query: URLSearchParams): string {
    switch (action) {
      case 'DescribeStacks':
        return `<Stacks><member>${stackXml(this.#look(query.get('StackName') ?? ''))}</member></Stacks>`;
      case 'CreateChangeSet':
        return this.#createChangeSet(query);
      case 'DescribeChangeSet':
        return this.#describeChangeSet(this.#changeSet(query));
      case 'ExecuteChangeSet':
        return this.#execute(this.#changeSet(query));
      case 'DeleteChangeSet':
        this.#changeSets.delete(this.#changeSet(query).id);
        return '';
      case 'DescribeStackEvents':
        return this.#events(query);
      case 'DeleteStack':
        return this.#remove(query.get('StackName') ?? '');
      default:
        throw new CfnError('InvalidAction', `Could not find operation ${action}`);
    }
  }

  #find(name: string): StackRecord | undefined {
    if (name.startsWith('arn:')) return [...this.#stacks.values()].find(({ id }) => id === name);
    return [...this.#stacks.values()].find(
      (stack) => stack.name === name && stack.status !== 'DELETE_COMPLETE',
    );
  }

  #look(name: string): StackRecord {
    const stack = this.#find(name);
    if (stack === undefined) throw new CfnError('ValidationError', `Stack with id ${name} does not exist`);
    if (stack.next !== undefined && --stack.looks < 0) {
      const { next } = stack;
      stack.next = undefined;
      next();
    }
    return stack;
  }

  #createChangeSet(query: URLSearchParams): string {
    const name = query.get('StackName') ?? '';
    const isCreation = query.get('ChangeSetType') === 'CREATE';
    let stack = this.#find(name);
    if (isCreation && stack !== undefined && stack.status !== 'REVIEW_IN_PROGRESS') {
      throw new CfnError(
        'ValidationError',
        `Stack [${name}] already exists and cannot be created again with the changeSet [x].`,
      );
    }
    if (!isCreation && stack === undefined)
      throw new CfnError('ValidationError', `Stack [${name}] does not exist`);
    if (query.get('Capabilities.member.1') !== 'CAPABILITY_IAM') {
      throw new CfnError('InsufficientCapabilitiesException', 'Requires capabilities : [CAPABILITY_IAM]');
    }
    if (stack === undefined) {
      const id = `arn:aws:cloudformation:us-east-1:123456789012:stack/${name}/${++this.#count}`;
      stack = {
        id,
        name,
        status: 'REVIEW_IN_PROGRESS',
        template: '',
        parameters: [],
        looks: 0,
        next: undefined,
        events: [],
      };
      this.#stacks.set(id, stack);
    }
    const id = `arn:aws:cloudformation:us-east-1:123456789012:changeSet/${query.get('ChangeSetName')}/${++this.#count}`;
    const template = query.get('TemplateBody') ?? '';
    this.#changeSets.set(id, {
      id,
      stack: name,
      template,
      parameters: readParameters(query, stack),
      isCreation,
      looks: 1,
    });
    return tag('Id', id) + tag('StackId', stack.id);
  }

  #changeSet(query: URLSearchParams): ChangeSet {
    const set = this.#changeSets.get(query.get('ChangeSetName') ?? '');
    if (set === undefined) throw new CfnError('ChangeSetNotFound', 'ChangeSet does not exist', 404);
    return set;
  }

  #describeChangeSet(set: ChangeSet): string {
    if (--set.looks >= 0) return tag('Status', 'CREATE_IN_PROGRESS');
    const stack = this.#find(set.stack);
    const changes = set.isCreation ? resourcesOf(set.template) : changedOf(stack!, set);
    if (changes.length === 0) return tag('Status', 'FAILED') + tag('StatusReason', EMPTY);
    const action = set.isCreation ? 'Add' : 'Modify';
    const members = changes.map(
      ([resource, type]) =>
        `<member><Type>Resource</Type><ResourceChange>${tag('Action', action)}${tag('LogicalResourceId', resource)}${tag('ResourceType', type)}${tag('Replacement', type === 'AWS::EC2::Instance' && !set.isCreation ? 'True' : 'False')}</ResourceChange></member>`,
    );
    return `${tag('Status', 'CREATE_COMPLETE')}<Changes>${members.join('')}</Changes>`;
  }

  #execute(set: ChangeSet): string {
    const stack = this.#find(set.stack)!;
    if (stack.next !== undefined) throw new CfnError('InvalidChangeSetStatus', 'an operation is in progress');
    const kind = set.isCreation ? 'CREATE' : 'UPDATE';
    const [first = 'Nothing'] = resourcesOf(set.template).map(([resource]) => resource);
    stack.status = `${kind}_IN_PROGRESS`;
    this.#note(stack, first, stack.status);
    stack.looks = 2;
    stack.next = () => {
      if (this.failNext !== undefined) {
        this.#note(stack, first, `${kind}_FAILED`, this.failNext);
        this.failNext = undefined;
        stack.status = kind === 'CREATE' ? 'ROLLBACK_COMPLETE' : 'UPDATE_ROLLBACK_COMPLETE';
        return;
      }
      stack.template = set.template;
      stack.parameters = set.parameters;
      for (const [resource] of resourcesOf(set.template)) this.#note(stack, resource, `${kind}_COMPLETE`);
      stack.status = `${kind}_COMPLETE`;
    };
    return '';
  }

  #events(query: URLSearchParams): string {
    const name = query.get('StackName') ?? '';
    const stack = this.#find(name);
    if (stack === undefined) throw new CfnError('ValidationError', `Stack [${name}] does not exist`);
    const from = Number(query.get('NextToken') ?? 0);
    const newestFirst = stack.events.toReversed();
    const page = newestFirst.slice(from, from + EVENTS_PER_PAGE).join('');
    const more =
      from + EVENTS_PER_PAGE < newestFirst.length ? tag('NextToken', String(from + EVENTS_PER_PAGE)) : '';
    return `<StackEvents>${page}</StackEvents>${more}`;
  }

  #remove(name: string): string {
    const stack = this.#find(name);
    if (stack === undefined) return '';
    stack.status = 'DELETE_IN_PROGRESS';
    stack.looks = 1;
    stack.next = () => {
      stack.status = 'DELETE_COMPLETE';
    };
    return '';
  }

  #note(stack: StackRecord, resource: string, status: string, reason?: string): void {
    const id = String(++this.#count);
    const fields = {
      EventId: id,
      LogicalResourceId: resource,
      ResourceType: 'AWS::S3::Bucket',
      ResourceStatus: status,
    };
    const text = Object.entries(fields).map(([name, value]) => tag(name, value));
    stack.events.push(
      `<member>${text.join('')}${tag('Timestamp', new Date().toISOString())}${reason === undefined ? '' : tag('ResourceStatusReason', reason)}</member>`,
    );
  }
}

function readParameters(query: URLSearchParams, stack: StackRecord): Parameter[] {
  const read: Parameter[] = [];
  for (let index = 1; query.has(`Parameters.member.${index}.ParameterKey`); index++) {
    const at = `Parameters.member.${index}`;
    const name = query.get(`${at}.ParameterKey`)!;
    const before = stack.parameters.find((one) => one.name === name)?.value;
    const isKept = query.get(`${at}.UsePreviousValue`) === 'true';
    if (isKept && before === undefined)
      throw new CfnError(
        'ValidationError',
        `Invalid input for parameter key ${name}. Cannot specify usePreviousValue as true for a parameter key not in the previous template`,
      );
    read.push({ name, value: (isKept ? before : query.get(`${at}.ParameterValue`)) ?? '' });
  }
  return read;
}

function resourcesOf(template: string): [resource: string, type: string][] {
  return [...template.matchAll(/^ {2}(\w+):\n {4}Type: (AWS::[\w:]+)$/gm)]
    .map(([, resource = '', type = '']): [string, string] => [resource, type])
    .filter(([, type]) => !type.includes('VPC::Id') && !type.includes('Parameter'));
}

function changedOf(stack: StackRecord, set: ChangeSet): [string, string][] {
  const isSame =
    stack.template === set.template &&
    JSON.stringify(sorted(stack.parameters)) === JSON.stringify(sorted(set.parameters));
  return isSame ? [] : [['WebInstance', 'AWS::EC2::Instance']];
}

function sorted(parameters: readonly Parameter[]): Parameter[] {
  return parameters.toSorted((one, other) => (one.name < other.name ? -1 : 1));
}

function stackXml({ id, name, status, parameters }: StackRecord): string {
  const members = parameters.map(
    (one) => `<member>${tag('ParameterKey', one.name)}${tag('ParameterValue', one.value)}</member>`,
  );
  const outputs = `<member>${tag('OutputKey', 'Url')}${tag('OutputValue', 'http://203.0.113.9:3001')}</member>`;
  return `${tag('StackId', id)}${tag('StackName', name)}${tag('StackStatus', status)}${tag('CreationTime', new Date(0).toISOString())}<Parameters>${members.join('')}</Parameters><Outputs>${outputs}</Outputs>`;
}

function tag(name: string, text: string): string {
  return `<${name}>${text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</${name}>`;
}
