import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';

import { uploadRequest } from '../support/hostile-uploads.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { MemoryReport } from '../support/web-process.ts';
import { pictureOf } from '../support/web-service.ts';

const CLIENTS = 100;
const UPLOAD_BYTES = 5 * 1024 * 1024;
const LIMIT_MEGABYTES = 200;

test('the web tier stays under 200 MB with 100 uploads of 5 MB in flight', async () => {
  await using cache = temporaryFolder();
  // The first one fills the cache of compiled sources, as the first start after an installation does.
  await using warmUp = await WebProcess.start(cache.path);
  await warmUp[Symbol.asyncDispose]();
  await using web = await WebProcess.start(cache.path);
  const whole = uploadRequest(pictureOf('Paul', UPLOAD_BYTES));
  const body = whole.subarray(whole.indexOf('\r\n\r\n') + 4);
  const statuses = await Promise.all(Array.from({ length: CLIENTS }, () => post(web.port, body)));
  assert.deepEqual(new Set(statuses), new Set([200]));
  const peak = await web.peakMegabytes();
  assert.ok(peak < LIMIT_MEGABYTES, `used ${Math.round(peak)} MB`);
});

class WebProcess implements AsyncDisposable {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async start(cache: string): Promise<WebProcess> {
    const child = fork(join(import.meta.dirname, '..', 'support', 'web-process.ts'), {
      // As `up` starts it: the young generation stays small, since what an upload leaves behind dies at once.
      execArgv: ['--max-semi-space-size=4'],
      env: { ...process.env, NODE_COMPILE_CACHE: cache },
    });
    const [{ port }] = (await once(child, 'message')) as [MemoryReport];
    return new WebProcess(child, port);
  }

  async peakMegabytes(): Promise<number> {
    this.#child.send('report');
    const [{ peakRss }] = (await once(this.#child, 'message')) as [MemoryReport];
    return peakRss;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#child.connected) return;
    const gone = once(this.#child, 'exit');
    this.#child.disconnect();
    await gone;
  }
}

function post(port: number, body: Buffer): Promise<number> {
  const headers = {
    'Content-Type': 'multipart/form-data; boundary=frontier',
    'Content-Length': body.length,
  };
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, method: 'POST', headers, agent: false }, (response) => {
      response.resume().on('end', () => resolve(response.statusCode ?? 0));
    });
    sent.on('error', reject).end(body);
  });
}
