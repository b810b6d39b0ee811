import assert from 'node:assert/strict';
import { test } from 'node:test';

import { formOf, pictureOf, WebService } from '../../../test/support/web-service.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

async function make(service: WebService, order: object, headers: Record<string, string> = {}) {
  const response = await service.fetch('/v1/keys', {
    method: 'POST',
    headers: { ...JSON_TYPE, ...headers },
    body: JSON.stringify(order),
  });
  assert.equal(response.status, 201, await response.clone().text());
  return (await response.json()) as { key: string; id: string; state: string };
}

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

test('on this machine no key is needed, but one that is shown counts', async () => {
  await using service = await WebService.start();
  const { key } = await make(service, { name: 'kiosk', scopes: ['recognise'] });
  assert.equal((await service.fetch('/v1/keys')).status, 200);
  assert.equal((await service.fetch('/v1/keys', { headers: bearer(key) })).status, 403);
  assert.equal((await service.post('/', formOf(pictureOf('Paul')), bearer(key))).status, 200);
  assert.equal((await service.post('/', formOf(pictureOf('Paul')), bearer(`${key}x`))).status, 401);
});

test('elsewhere a key that was made lets its holder in, for what it may do', async () => {
  const flags = { host: '0.0.0.0', 'allow-anonymous': true, 'api-keys': 'first' };
  await using service = await WebService.start({ flags });
  const admin = await make(service, { name: 'ops', scopes: ['admin'] }, bearer('first'));
  const asker = await make(service, { name: 'kiosk', scopes: ['recognise'] }, bearer(admin.key));
  const enroller = await make(service, { name: 'desk', scopes: ['enrol'] }, bearer(admin.key));
  const ask = (key: string) =>
    service.post('/v1/recognitions', formOf(pictureOf('Paul')), bearer(key)).then(({ status }) => status);
  assert.deepEqual([await ask(admin.key), await ask(asker.key), await ask(enroller.key)], [200, 200, 403]);
  const drop = { method: 'POST', headers: { ...JSON_TYPE, ...bearer(asker.key) }, body: '{"jobIds":"all"}' };
  assert.equal((await service.fetch('/v1/dead-letters/drop', drop)).status, 403);

  const revoke = await service.fetch(`/v1/keys/${asker.id}`, {
    method: 'DELETE',
    headers: bearer(admin.key),
  });
  assert.equal(((await revoke.json()) as { state: string }).state, 'revoked');
  assert.equal(await ask(asker.key), 401);
  const listed = await (await service.fetch('/v1/keys', { headers: bearer(admin.key) })).text();
  assert.ok(!listed.includes(asker.key.slice(16)));
});

test('a key that was made is enough to listen beyond this machine', async () => {
  await using before = await WebService.start();
  await make(before, { name: 'ops', scopes: ['admin'] });
  const { state } = before.deployment;
  await assert.rejects(WebService.start({ flags: { host: '0.0.0.0' } }), { code: 'config-invalid' });
  await using after = await WebService.start({ flags: { host: '0.0.0.0' }, state });
  assert.equal((await after.fetch('/v1/jobs/x')).status, 401);
});

test('with FACEFLEET_REQUIRE_KEYS this machine needs one too', async () => {
  await using service = await WebService.start({ flags: { 'require-keys': true } });
  assert.equal((await service.fetch('/version')).status, 401);
  assert.equal((await service.fetch('/healthz')).status, 200);
});

test('a key of one gallery reaches nothing else', async () => {
  await using service = await WebService.start();
  const own = await make(service, { name: 'shop', scopes: ['recognise'], gallery: 'default' });
  const other = await make(service, { name: 'staff', scopes: ['recognise'], gallery: 'staff' });
  const ask = (key: string) => service.post('/v1/recognitions', formOf(pictureOf('Paul')), bearer(key));
  assert.equal((await ask(own.key)).status, 200);
  assert.equal((await ask(other.key)).status, 403);
  const job = (await ask(own.key)).headers.get('x-job-id');
  assert.equal((await service.fetch(`/v1/jobs/${job}`, { headers: bearer(own.key) })).status, 200);
  assert.equal((await service.fetch('/v1/jobs', { headers: bearer(own.key) })).status, 403);
});

test('whoever has a key can ask what it may do', async () => {
  await using service = await WebService.start();
  const access = async (headers: Record<string, string> = {}) =>
    (await service.fetch('/v1/access', { headers })).json();
  assert.deepEqual(await access(), { scopes: ['recognise', 'enrol', 'admin'], gallery: null });
  const { key } = await make(service, { name: 'desk', scopes: ['enrol'], gallery: 'staff' });
  assert.deepEqual(await access(bearer(key)), { scopes: ['enrol'], gallery: 'staff' });
  assert.equal((await service.fetch('/v1/access', { headers: bearer(`${key}x`) })).status, 401);
});

test('a key that asks too often is told when to come again', async () => {
  await using service = await WebService.start();
  const { key } = await make(service, { name: 'slow', scopes: ['recognise'], requestsPerMinute: 2 });
  const statuses: number[] = [];
  for (let turn = 0; turn < 3; turn++) {
    const response = await service.fetch('/version', { headers: bearer(key) });
    statuses.push(response.status);
    if (response.status === 429) assert.match(response.headers.get('retry-after') ?? '', /^\d+$/);
  }
  assert.deepEqual(statuses, [200, 200, 429]);
});

test('wrong orders name what is wrong', async () => {
  await using service = await WebService.start();
  for (const order of [
    {},
    { name: '', scopes: ['admin'] },
    { name: 'x', scopes: [] },
    { name: 'x', scopes: ['root'] },
    { name: 'x', scopes: ['admin'], gallery: 'staff' },
    { name: 'x', scopes: ['admin'], expiresAt: 5 },
    { name: 'x', scopes: ['admin'], colour: 'red' },
  ]) {
    const response = await service.fetch('/v1/keys', {
      method: 'POST',
      headers: JSON_TYPE,
      body: JSON.stringify(order),
    });
    assert.equal(response.status, 400, JSON.stringify(order));
  }
  assert.equal((await service.fetch('/v1/keys/nobody', { method: 'DELETE' })).status, 404);
});
