import type { Agent } from 'node:http';
import { UnavailableError } from '../errors.ts';

/**
 * Not imported, and no `fetch`: both load all of undici, 45 ms of a worker's start and 17 MB of its memory, and a
 * heartbeat needs none of it.
 */
const http = process.getBuiltinModule('node:http');

const MAX_REPLY_BYTES = 64 * 1024;

export interface PostJsonOptions {
  readonly url: string;
  readonly token: string;
  readonly body: unknown;
  readonly agent: Agent;
  readonly signal: AbortSignal;
}

/** Keeps one connection open between calls. */
export function keepAliveAgent(): Agent {
  return new http.Agent({ keepAlive: true, maxSockets: 1 });
}

/**
 * Posts JSON with a bearer token and resolves to the JSON it is answered.
 *
 * Rejects with UnavailableError when nobody answers, or with anything but 200 and JSON.
 */
export function postJson({ url, token, body, agent, signal }: PostJsonOptions): Promise<unknown> {
  const payload = Buffer.from(JSON.stringify(body));
  return new Promise((resolve, reject) => {
    const fail = (how: string, cause?: unknown) =>
      reject(new UnavailableError(`POST ${how}`, { context: { url }, cause }));
    const call = http.request(url, {
      method: 'POST',
      agent,
      signal,
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'content-length': payload.length,
      },
    });
    call.once('error', (error) => fail('was not answered', error));
    call.once('response', (response) => {
      const chunks: Buffer[] = [];
      let sizeBytes = 0;
      response.on('data', (chunk: Buffer) => {
        sizeBytes += chunk.length;
        if (sizeBytes > MAX_REPLY_BYTES) call.destroy(new Error(`more than ${MAX_REPLY_BYTES} bytes`));
        else chunks.push(chunk);
      });
      response.once('error', (error) => fail('was cut off', error));
      response.once('end', () => {
        if (response.statusCode !== 200) return fail(`was answered ${response.statusCode}`);
        try {
          resolve(JSON.parse(Buffer.concat(chunks).toString('utf8')));
        } catch (error) {
          fail('was not answered with JSON', error);
        }
      });
    });
    call.end(payload);
  });
}
