import type { IncomingMessage } from 'node:http';

import { HttpProblem } from '../problem.ts';
import { ClientGoneError } from '../upload.ts';

/** Ours are a few hundred bytes. */
const MAX_JSON_BYTES = 64 * 1024;

export function isJson({ headers }: IncomingMessage): boolean {
  const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  return type === 'application/json' || (type?.startsWith('application/') === true && type.endsWith('+json'));
}

/** @throws HttpProblem 400 (not JSON), 413 (over 64 KB), 415 (said to be something else); ClientGoneError. */
export async function readJsonBody(request: IncomingMessage): Promise<unknown> {
  if (!isJson(request)) {
    throw new HttpProblem(415, 'the body has another Content-Type, expected application/json');
  }
  const bytes = await readBytes(request);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new HttpProblem(400, 'the body is not JSON in UTF-8', { cause });
  }
}

async function readBytes(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  try {
    // The answer goes over this connection, so it is left open whatever happens.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      sizeBytes += chunk.length;
      if (sizeBytes > MAX_JSON_BYTES) {
        throw new HttpProblem(413, `the body is larger than ${MAX_JSON_BYTES / 1024} KB`);
      }
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof HttpProblem) throw error;
    throw new ClientGoneError();
  }
  return Buffer.concat(chunks);
}
