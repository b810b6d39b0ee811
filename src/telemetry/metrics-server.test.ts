import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';

import { silentLogger } from '../logger.ts';
import { MetricRegistry } from './metrics.ts';
import { startMetricsServer } from './metrics-server.ts';

const TOKEN = 'a-token-of-metrics';

async function serve(options: { host?: string; token?: string; port?: number } = {}) {
  const metrics = new MetricRegistry();
  metrics.counter('a_total', 'x').add(7);
  const server = await startMetricsServer({
    metrics,
    host: '127.0.0.1',
    port: 0,
    token: '',
    logger: silentLogger,
    ...options,
  });
  assert.ok(server);
  return server;
}

/** By hand, since `fetch` sends no Host of our choice. */
function get(url: string, headers: Record<string, string> = {}): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(url, { headers }, (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end();
  });
}

test('metrics are served, and nothing else is', async () => {
  await using server = await serve();
  const response = await fetch(server.url);
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  assert.match(await response.text(), /^a_total 7$/m);
  assert.equal((await fetch(new URL('/', server.url))).status, 404);
  assert.equal((await fetch(server.url, { method: 'POST' })).status, 405);
});

test('with a token nobody reads them without it', async () => {
  await using server = await serve({ token: TOKEN });
  assert.equal(await get(server.url), 401);
  assert.equal(await get(server.url, { authorization: `Bearer ${TOKEN}x` }), 401);
  assert.equal(await get(server.url, { authorization: `Bearer ${TOKEN}` }), 200);
});

test('a page that points its own name at loopback reads nothing', async () => {
  await using server = await serve();
  assert.equal(await get(server.url, { host: 'evil.example' }), 403);
  assert.equal(await get(server.url, { host: 'localhost:1' }), 200);
});

test('off loopback it takes a token to start', async () => {
  await assert.rejects(serve({ host: '0.0.0.0' }), { code: 'config-invalid' });
  await using server = await serve({ host: '0.0.0.0', token: TOKEN });
  assert.equal(await get(server.url.replace('0.0.0.0', '127.0.0.1')), 401);
});

test('a port that is taken costs the metrics and nothing else', async () => {
  await using server = await serve();
  const port = Number(new URL(server.url).port);
  const second = await startMetricsServer({
    metrics: new MetricRegistry(),
    host: '127.0.0.1',
    port,
    token: '',
    logger: silentLogger,
  });
  assert.equal(second, undefined);
});
