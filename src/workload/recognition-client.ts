import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

import { FacefleetError } from '../errors.ts';
import { stemOf } from '../jobs/course-names.ts';
import type { WorkloadPicture } from './pictures.ts';

/** An answer is a short line; a server that sends more than this is something else. */
const LONGEST_ANSWER_BYTES = 64 * 1024;
const BOUNDARY = 'facefleet-workload-7d1f0c2a96b84e35';

/** How one request ended. `reason` is one of a few phrases, to be counted. */
export type Outcome =
  | { readonly kind: 'named'; readonly name: string; readonly form: 'text' | 'json' }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'interrupted' };

export interface RecognitionClientOptions {
  readonly url: string;
  /** Most requests at once: each has a connection of its own, kept open. */
  readonly concurrency: number;
  readonly timeoutSeconds: number;
  readonly apiKey?: string | undefined;
}

interface Reply {
  readonly status: number;
  readonly text: string;
}

/** Speaks the original system's contract: `POST` a form with the file `inputFile`, answered by `stem:Name`. */
export class RecognitionClient implements Disposable {
  readonly #url: URL;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #timeoutMs: number;
  readonly #headers: Readonly<Record<string, string>>;

  /** @throws FacefleetError `bad-request` unless the URL is one of HTTP or HTTPS. */
  constructor({ url, concurrency, timeoutSeconds, apiKey }: RecognitionClientOptions) {
    const parsed = URL.parse(url);
    if (parsed === null || !['http:', 'https:'].includes(parsed.protocol)) {
      throw new FacefleetError(
        'bad-request',
        `the URL is ${JSON.stringify(url)}, expected http://… or https://…`,
      );
    }
    this.#url = parsed;
    const settings = { keepAlive: true, maxSockets: concurrency, maxFreeSockets: concurrency };
    this.#agent = parsed.protocol === 'https:' ? new HttpsAgent(settings) : new HttpAgent(settings);
    this.#timeoutMs = timeoutSeconds * 1000;
    this.#headers = {
      accept: 'text/plain, application/json;q=0.5',
      'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
      ...(apiKey !== undefined && { authorization: `Bearer ${apiKey}` }),
    };
  }

  /** Never rejects: what goes wrong is an outcome. */
  async send(picture: WorkloadPicture, signal?: AbortSignal): Promise<Outcome> {
    try {
      return readAnswer(await this.#post(multipartForm(picture), signal), picture.fileName);
    } catch (error) {
      return signal?.aborted ? { kind: 'interrupted' } : { kind: 'failed', reason: reasonOf(error) };
    }
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  async #post(body: Buffer, signal: AbortSignal | undefined): Promise<Reply> {
    const send = this.#url.protocol === 'https:' ? httpsRequest : httpRequest;
    const headers = { ...this.#headers, 'content-length': body.length };
    const request = send(this.#url, {
      method: 'POST',
      agent: this.#agent,
      headers,
      ...(signal && { signal }),
    });
    const timer = setTimeout(() => request.destroy(new TimedOut()), this.#timeoutMs);
    try {
      return await new Promise<Reply>((resolve, reject) => {
        request.on('error', reject);
        request.on('response', (response) => readReply(response).then(resolve, reject));
        request.end(body);
      });
    } finally {
      clearTimeout(timer);
    }
  }
}

class TimedOut extends Error {}
class TooMuch extends Error {}

async function readReply(response: IncomingMessage): Promise<Reply> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > LONGEST_ANSWER_BYTES) throw new TooMuch();
    chunks.push(chunk);
  }
  return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() };
}

function multipartForm({ fileName, contentType, body }: WorkloadPicture): Buffer {
  // As browsers escape it.
  const name = fileName.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
  const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="inputFile"; filename="${name}"\r\nContent-Type: ${contentType}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body, Buffer.from(`\r\n--${BOUNDARY}--\r\n`)]);
}

/** `stem:Name`, as text or as the JSON `{"message": "stem:Name"}` that some versions of the original send. */
function readAnswer({ status, text }: Reply, fileName: string): Outcome {
  if (status !== 200) return { kind: 'failed', reason: `status ${status}` };
  const message = messageOfJson(text);
  const answer = (message ?? text).trim();
  const stem = stemOf(fileName);
  if (answer.startsWith(`${stem}:`)) {
    const name = answer.slice(stem.length + 1).trim();
    return { kind: 'named', name, form: message === undefined ? 'text' : 'json' };
  }
  return {
    kind: 'failed',
    reason: answer.includes(':') ? "another picture's answer" : 'an answer that is no stem:Name',
  };
}

function messageOfJson(text: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    const isMessage = typeof parsed === 'object' && parsed !== null && 'message' in parsed;
    return isMessage && typeof parsed.message === 'string' ? parsed.message : undefined;
  } catch {
    // Not JSON, as it should be.
    return undefined;
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection broken',
  EPIPE: 'connection broken',
  ENOTFOUND: 'host not found',
  EAI_AGAIN: 'host not found',
  EHOSTUNREACH: 'host not reachable',
  ENETUNREACH: 'host not reachable',
  ETIMEDOUT: 'timed out',
};

function reasonOf(error: unknown): string {
  if (error instanceof TimedOut) return 'timed out';
  if (error instanceof TooMuch) return 'an answer that is no stem:Name';
  const code = codeOf(error);
  return REASONS[code] ?? (code || 'unknown error');
}

function codeOf(error: unknown): string {
  // Several addresses were tried: the errors are gathered in one that carries the first one's code.
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
