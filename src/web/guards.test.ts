import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';

import { formOf, pictureOf, WebService } from '../../test/support/web-service.ts';
import { checkBinding, isLoopback } from './guards.ts';

/** The status of a request with these headers, which `fetch` would not let us set. */
function statusOf(
  service: WebService,
  headers: Record<string, string>,
  { path = '/version', method = 'GET' } = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: service.tier.port, path, method, headers };
    const sent = request(options, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.on('error', reject).end();
  });
}

test('on loopback only local names and those allowed may be called', async () => {
  await using service = await WebService.start({ flags: { 'allowed-hosts': 'faces.example' } });
  const { port } = service.tier;
  for (const [host, status] of [
    ['127.0.0.1', 200],
    [`127.0.0.1:${port}`, 200],
    [`localhost:${port}`, 200],
    ['LOCALHOST', 200],
    ['app.localhost', 200],
    ['[::1]:3001', 200],
    ['faces.example', 200],
    ['faces.example:8000', 200],
    ['evil.example', 403],
    ['localhost.evil.example', 403],
    ['127.0.0.1.evil.example', 403],
    ['192.168.1.7', 403],
    ['user@localhost', 403],
    ['localhost/evil', 403],
  ] as const) {
    assert.equal(await statusOf(service, { host }), status, host);
    assert.equal(await statusOf(service, { host }, { path: '/healthz' }), status, host);
  }
});

test('pages of other origins may not call', async () => {
  await using service = await WebService.start({ flags: { 'allowed-hosts': 'faces.example' } });
  const host = `localhost:${service.tier.port}`;
  const post = { path: '/v1/recognitions', method: 'POST' };
  for (const [headers, isAllowed] of [
    [{}, true],
    [{ origin: `http://${host}` }, true],
    [{ origin: 'https://faces.example' }, true],
    [{ origin: 'http://localhost:1' }, false],
    [{ origin: 'https://evil.example' }, false],
    [{ origin: 'null' }, false],
    [{ origin: 'file://' }, false],
    [{ origin: `https://${host}.evil.example` }, false],
    [{ 'sec-fetch-site': 'cross-site' }, false],
    [{ 'sec-fetch-site': 'same-origin' }, true],
  ] as const) {
    const status = await statusOf(service, { host, ...headers }, post);
    assert.equal(status, isAllowed ? 400 : 403, JSON.stringify(headers));
  }
  const link = await statusOf(service, { host, 'sec-fetch-site': 'cross-site' }, { path: '/' });
  assert.equal(link, 200, 'a link from elsewhere may lead here');
});

test('bound to every address, addresses may be called, and names only if allowed', async () => {
  await using service = await WebService.start({ flags: { host: '0.0.0.0', 'api-keys': 'sesame' } });
  const key = { 'x-api-key': 'sesame' };
  for (const [host, status] of [
    ['192.168.1.7:3001', 200],
    ['[2001:db8::1]', 200],
    ['localhost', 200],
    ['evil.example', 403],
  ] as const) {
    assert.equal(await statusOf(service, { host, ...key }), status, host);
  }
});

test('with keys set nobody gets in without one, but for health', async () => {
  await using service = await WebService.start({ flags: { 'api-keys': 'sesame,open-up' } });
  for (const headers of [
    { 'x-api-key': 'sesame' },
    { authorization: 'Bearer open-up' },
    { authorization: 'bearer  sesame' },
  ]) {
    assert.equal(
      (await service.fetch('/version', { headers: headers as Record<string, string> })).status,
      200,
    );
  }
  for (const headers of [
    {},
    { 'x-api-key': '' },
    { 'x-api-key': 'Sesame' },
    { authorization: 'Basic sesame' },
  ]) {
    for (const path of ['/', '/version', '/v1/jobs/x', '/nothing']) {
      const response = await service.fetch(path, { headers: headers as Record<string, string> });
      assert.equal(response.status, 401, path);
      assert.match(response.headers.get('www-authenticate') ?? '', /^Bearer/);
    }
  }
  assert.equal((await service.post('/', formOf(pictureOf('Paul')))).status, 401);
  assert.equal((await service.fetch('/healthz')).status, 200);
  assert.equal((await service.fetch('/readyz')).status, 200);
});

test('anonymous use opens POST / and nothing else', async () => {
  await using service = await WebService.start({ flags: { host: '0.0.0.0', 'allow-anonymous': true } });
  assert.equal(await (await service.post('/', formOf(pictureOf('Paul')))).text(), 'test_00:Paul');
  assert.equal((await service.post('/v1/recognitions', formOf(pictureOf('Paul')))).status, 401);
  assert.equal((await service.fetch('/version')).status, 401);
});

test('an idempotency key of one caller is nothing to another', async () => {
  await using service = await WebService.start({ flags: { 'api-keys': 'sesame,open-up' } });
  const post = (key: string) =>
    service.post('/', formOf(pictureOf('Paul')), { 'x-api-key': key, 'idempotency-key': 'same' });
  const [one, two, other] = [await post('sesame'), await post('sesame'), await post('open-up')];
  assert.equal(one.headers.get('x-job-id'), two.headers.get('x-job-id'));
  assert.notEqual(one.headers.get('x-job-id'), other.headers.get('x-job-id'));
});

test('off loopback it does not start without keys or leave to do without', async () => {
  const edge = { apiKeys: [], allowAnonymous: false, allowedHosts: [] };
  const nobody = () => Promise.resolve(false);
  for (const host of ['0.0.0.0', '::', '192.168.1.7', 'faces.example']) {
    await assert.rejects(checkBinding({ ...edge, host }, nobody), { code: 'config-invalid' });
    await checkBinding({ ...edge, host, apiKeys: ['sesame'] }, nobody);
    await checkBinding({ ...edge, host, allowAnonymous: true }, nobody);
    await checkBinding({ ...edge, host }, () => Promise.resolve(true));
  }
  await checkBinding({ ...edge, host: '127.0.0.1' }, nobody);
  await assert.rejects(WebService.start({ flags: { host: '0.0.0.0' } }), { code: 'config-invalid' });
});

test('what is loopback', () => {
  for (const host of ['127.0.0.1', '127.1.2.3', '::1', '[::1]', 'localhost', 'a.localhost'])
    assert.ok(isLoopback(host));
  for (const host of ['0.0.0.0', '::', '127.0.0.1.example', 'localhost.example', '10.0.0.1']) {
    assert.ok(!isLoopback(host), host);
  }
});
