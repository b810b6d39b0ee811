import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type FauxqsServer, startFauxqs } from 'fauxqs';

export interface SqsFault {
  /** As SQS writes it, for the caller; without one the connection breaks. */
  readonly code?: string;
  readonly status?: number;
  readonly message?: string;
  /** `after`: it is carried out, and only the answer is lost (default `before`). */
  readonly moment?: 'before' | 'after';
  /** Of a batch, only the entries at these places fail. */
  readonly entries?: readonly number[];
  readonly isSenderFault?: boolean;
  readonly times?: number;
}

interface Armed extends SqsFault {
  readonly action: string;
  left: number;
}

type Json = Record<string, unknown>;

const REFUSED_MS = 60_000;

/**
 * SQS: fauxqs in memory, behind a door that counts calls, fails what it is told to, and refuses the name of a queue
 * that was just deleted, as SQS does for 60 s and fauxqs does not.
 */
export class FakeSqs implements AsyncDisposable {
  readonly calls: { readonly action: string; readonly body: Json }[] = [];
  /** For how long a deleted name is refused; 0 (the default) never. */
  refusedMs = 0;
  readonly #behind: FauxqsServer;
  readonly #server: Server;
  readonly #armed: Armed[] = [];
  readonly #deleted = new Map<string, number>();

  private constructor(behind: FauxqsServer) {
    this.#behind = behind;
    this.#server = createServer((message, response) => {
      this.#serve(message, response).catch(() => response.destroy());
    });
  }

  static async start(): Promise<FakeSqs> {
    const fake = new FakeSqs(await startFauxqs({ port: 0, logger: false }));
    fake.#server.listen(0, '127.0.0.1');
    await once(fake.#server, 'listening');
    return fake;
  }

  /** For `AWS_ENDPOINT_URL_SQS`. */
  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The door left out: for many calls that need no failing. */
  get directEndpoint(): string {
    return `http://127.0.0.1:${this.#behind.port}`;
  }

  failNext(action: string, fault: SqsFault = {}): void {
    this.#armed.push({ ...fault, action, left: fault.times ?? 1 });
  }

  refuseDeletedNames(milliseconds = REFUSED_MS): void {
    this.refusedMs = milliseconds;
  }

  count(action: string): number {
    return this.calls.filter((call) => call.action === action).length;
  }

  /** Messages of a queue in any state. */
  messageCount(queue: string): number {
    const { ready = [], delayed = [], inflight = [] } = this.#behind.inspectQueue(queue)?.messages ?? {};
    return ready.length + delayed.length + inflight.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await this.#behind.stop();
  }

  async #serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const action = String(message.headers['x-amz-target'] ?? '').replace(/^AmazonSQS\./, '');
    const text = await textOf(message);
    const body = JSON.parse(text === '' ? '{}' : text) as Json;
    this.calls.push({ action, body });
    if (this.#isRefused(action, body)) {
      return answerError(response, {
        code: 'QueueDeletedRecently',
        message:
          'You must wait 60 seconds after deleting a queue before you can create another with the same name.',
      });
    }
    const fault = this.#armed.find((one) => one.left > 0 && one.action === action);
    if (fault !== undefined) fault.left--;
    if (fault !== undefined && fault.entries === undefined && fault.moment !== 'after') {
      return answerError(response, fault);
    }
    const failed = fault?.entries ?? [];
    const passed = failed.length === 0 ? body : withoutEntries(body, failed);
    const isEmpty = failed.length > 0 && (passed.Entries as Json[]).length === 0;
    const answer = isEmpty
      ? { status: 200, text: '{"Successful":[]}' }
      : await this.#pass(message, JSON.stringify(passed));
    if (fault?.moment === 'after') return answerError(response, fault);
    response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(failed.length === 0 ? answer.text : JSON.stringify(withFailures(answer.text, body, fault!)));
  }

  #isRefused(action: string, body: Json): boolean {
    if (action === 'DeleteQueue') {
      const url = String(body.QueueUrl);
      this.#deleted.set(url.slice(url.lastIndexOf('/') + 1), Date.now());
    }
    if (action !== 'CreateQueue') return false;
    return Date.now() - (this.#deleted.get(String(body.QueueName)) ?? 0) < this.refusedMs;
  }

  async #pass(message: IncomingMessage, text: string): Promise<{ status: number; text: string }> {
    const { 'content-length': _length, host: _host, ...headers } = message.headers;
    const onward = request(this.directEndpoint, {
      method: message.method,
      path: message.url,
      headers: { ...headers, 'content-length': Buffer.byteLength(text) },
    });
    onward.end(text);
    const [answer] = (await once(onward, 'response')) as [IncomingMessage];
    return { status: answer.statusCode ?? 500, text: await textOf(answer) };
  }
}

async function textOf(message: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function withoutEntries(body: Json, places: readonly number[]): Json {
  const entries = body.Entries as Json[];
  return { ...body, Entries: entries.filter((_, place) => !places.includes(place)) };
}

function withFailures(
  text: string,
  body: Json,
  { entries = [], code, message, isSenderFault }: SqsFault,
): Json {
  const sent = body.Entries as Json[];
  const answer = JSON.parse(text) as { Successful?: Json[]; Failed?: Json[] };
  const failed = entries.flatMap((place) =>
    sent[place] === undefined
      ? []
      : [{ Id: sent[place].Id, Code: code, Message: message ?? '', SenderFault: isSenderFault === true }],
  );
  return { ...answer, Failed: [...(answer.Failed ?? []), ...failed] };
}

function answerError(response: ServerResponse, { code, status = 400, message = '' }: SqsFault): void {
  if (code === undefined) {
    response.destroy();
    return;
  }
  response.writeHead(status, {
    'content-type': 'application/x-amz-json-1.0',
    'x-amzn-query-error': `${code};${status < 500 ? 'Sender' : 'Receiver'}`,
  });
  response.end(JSON.stringify({ __type: `com.amazonaws.sqs#${code}`, message }));
}
