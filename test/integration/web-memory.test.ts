import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';

import { uploadRequest } from '../support/hostile-uploads.ts';
import type { MemoryReport } from '../support/web-process.ts';
import { pictureOf } from '../support/web-service.ts';

const CLIENTS = 100;
const UPLOAD_BYTES = 5 * 1024 * 1024;
const LIMIT_MEGABYTES = 200;

test('the web tier stays under 200 MB with 100 uploads of 5 MB in flight', async () => {
  const child = fork(join(import.meta.dirname, '..', 'support', 'web-process.ts'));
  try {
    const [{ port }] = (await once(child, 'message')) as [MemoryReport];
    const whole = uploadRequest(pictureOf('Paul', UPLOAD_BYTES));
    const body = whole.subarray(whole.indexOf('\r\n\r\n') + 4);
    const statuses = await Promise.all(Array.from({ length: CLIENTS }, () => post(port, body)));
    assert.deepEqual(new Set(statuses), new Set([200]));
    child.send('report');
    const [{ peakRss }] = (await once(child, 'message')) as [MemoryReport];
    console.log(peakRss);
    assert.ok(peakRss < LIMIT_MEGABYTES, `used ${Math.round(peakRss)} MB`);
  } finally {
    child.disconnect();
    await once(child, 'exit');
  }
});

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
