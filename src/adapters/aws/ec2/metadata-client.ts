import { UnavailableError } from '../../../errors.ts';

/** As in `post-json.ts`: `fetch` would load all of undici. */
const http = process.getBuiltinModule('node:http');

const DEFAULT_ENDPOINT = 'http://169.254.169.254';
const SESSION_SECONDS = 21_600;
/** The service answers from the same host within milliseconds; elsewhere nobody answers ever. */
const TIMEOUT_MS = 1000;
const MOST_BYTES = 64 * 1024;
const TOKEN_HEADER = 'x-aws-ec2-metadata-token';

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** EC2's instance metadata service, version 2: each question carries the token of a session. */
export class MetadataClient {
  readonly #endpoint: string;
  #token: string | undefined;

  constructor(endpoint: string = DEFAULT_ENDPOINT) {
    this.#endpoint = endpoint;
  }

  /**
   * What stands under `/latest/meta-data/<path>`; undefined for what there is not.
   *
   * @throws UnavailableError when nobody answers, or not as EC2 does.
   */
  async get(path: string): Promise<string | undefined> {
    const url = new URL(`/latest/meta-data/${path}`, this.#endpoint);
    let answer = await this.#ask(url, await this.#session());
    if (answer.status === 401) {
      // The session has ended, perhaps while the machine slept.
      this.#token = undefined;
      answer = await this.#ask(url, await this.#session());
    }
    if (answer.status === 200) return answer.body;
    if (answer.status === 404) return undefined;
    throw new UnavailableError(`the instance metadata service answered ${answer.status}`, {
      context: { url: url.href },
    });
  }

  async #session(): Promise<string> {
    if (this.#token !== undefined) return this.#token;
    const url = new URL('/latest/api/token', this.#endpoint);
    const headers = { 'x-aws-ec2-metadata-token-ttl-seconds': String(SESSION_SECONDS) };
    const { status, body } = await call(url, { method: 'PUT', headers });
    if (status !== 200) {
      throw new UnavailableError(`the instance metadata service gave no session but ${status}`, {
        context: { url: url.href },
      });
    }
    this.#token = body;
    return body;
  }

  #ask(url: URL, token: string): Promise<Answer> {
    return call(url, { method: 'GET', headers: { [TOKEN_HEADER]: token } });
  }
}

function call(
  url: URL,
  { method, headers }: { method: string; headers: Record<string, string> },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) =>
      reject(
        new UnavailableError('the instance metadata service does not answer', {
          context: { url: url.href },
          cause,
        }),
      );
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const request = http.request(url, { method, headers, signal }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
        if (body.length > MOST_BYTES) request.destroy(new Error(`more than ${MOST_BYTES} bytes`));
      });
      response.once('error', fail);
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    request.once('error', fail);
    request.end();
  });
}
