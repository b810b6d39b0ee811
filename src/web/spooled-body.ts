import { createHash } from 'node:crypto';
import { mkdtemp, open, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { HttpProblem } from './problem.ts';
import { ClientGoneError } from './upload.ts';

/** So long the client may say nothing. */
const STALL_MS = 30_000;

/** A request's body in a file of its own, which is gone when it is disposed of. */
export interface SpooledBody extends AsyncDisposable {
  readonly path: string;
  readonly sha256: string;
}

/**
 * Writes the body to a temporary file: for what is too large for memory and has to be read in any order.
 *
 * @throws HttpProblem 400 (empty), 408, 413; ClientGoneError.
 */
export async function spoolBody(request: IncomingMessage, maxBytes: number): Promise<SpooledBody> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const folder = await mkdtemp(join(tmpdir(), 'facefleet-batch-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const path = join(folder, 'body');
    return { path, sha256: await write(request, path, maxBytes), [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function write(request: IncomingMessage, path: string, maxBytes: number): Promise<string> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  let isStalled = false;
  const stall = setTimeout(() => {
    isStalled = true;
    request.destroy();
  }, STALL_MS);
  try {
    await using file = await open(path, 'wx', 0o600);
    // The answer goes over this connection, so it is left open whatever happens.
    for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      stall.refresh();
      sizeBytes += chunk.length;
      if (sizeBytes > maxBytes) throw tooLarge(maxBytes);
      hash.update(chunk);
      await file.write(chunk);
    }
  } catch (error) {
    if (error instanceof HttpProblem) throw error;
    if (isStalled) throw new HttpProblem(408, 'the upload was too slow');
    if (request.destroyed && !request.complete) throw new ClientGoneError();
    throw error;
  } finally {
    clearTimeout(stall);
  }
  if (sizeBytes === 0) throw new HttpProblem(400, 'the body is empty');
  return hash.digest('hex');
}

function tooLarge(maxBytes: number): HttpProblem {
  return new HttpProblem(413, `the batch has more than ${maxBytes} bytes`);
}
