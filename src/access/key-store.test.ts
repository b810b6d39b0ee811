import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FakeClock } from '../../test/support/fake-clock.ts';
import { MemoryObjectStore } from '../../test/support/memory-object-store.ts';
import { isSecretOf, type NewApiKey, parseKey } from './api-key.ts';
import { KeyRing } from './key-ring.ts';
import { ApiKeyStore } from './key-store.ts';

function open() {
  const clock = new FakeClock();
  const state = new MemoryObjectStore({ now: () => clock.now() });
  const store = new ApiKeyStore({ state, clock });
  return { clock, state, store, ring: new KeyRing({ store, clock }) };
}

const KIOSK: NewApiKey = { name: 'kiosk', scopes: ['recognise'] };

test('what is stored does not let anybody in', async () => {
  const { state, store } = open();
  const { text, record } = await store.create(KIOSK);
  const { secret = '' } = parseKey(text) ?? {};
  assert.ok(isSecretOf(record, secret));
  for await (const { key } of state.list()) {
    const stored = (await (await state.get(key))?.bytes())?.toString() ?? '';
    assert.ok(!stored.includes(secret));
    assert.ok(!stored.includes(text));
  }
  assert.deepEqual(
    (await store.list()).map(({ id, name }) => ({ id, name })),
    [{ id: record.id, name: 'kiosk' }],
  );
});

test('wrong wishes are refused, each by its name', async () => {
  const { store, state } = open();
  for (const wish of [
    { ...KIOSK, name: '  ' },
    { ...KIOSK, name: 'x'.repeat(101) },
    { ...KIOSK, name: 'a\nb' },
    { ...KIOSK, scopes: [] },
    { ...KIOSK, scopes: ['everything'] as never },
    { ...KIOSK, requestsPerMinute: 0 },
    { ...KIOSK, requestsPerMinute: 1.5 },
    { ...KIOSK, requestsPerMinute: Number.NaN },
    { ...KIOSK, expiresAt: 1 },
    { ...KIOSK, expiresAt: Number.NaN },
    { name: 'all', scopes: ['admin'], gallery: 'staff' } as const,
  ]) {
    await assert.rejects(store.create(wish), { code: 'bad-request' }, JSON.stringify(wish));
  }
  assert.deepEqual(state.keys, []);
});

test('a good key is good, any other text is not', async () => {
  const { store, ring } = open();
  const { text, record } = await store.create(KIOSK);
  const verdict = await ring.judge(text);
  assert.equal(verdict.kind === 'good' && verdict.record.id, record.id);
  const { text: other } = await store.create(KIOSK);
  const swapped = `${text.slice(0, 16)}${other.slice(16)}`;
  for (const wrong of ['', 'sesame', text.slice(0, -1), `${text}x`, swapped, text.toUpperCase()]) {
    assert.equal((await ring.judge(wrong)).kind, 'unknown', wrong);
  }
  assert.equal((await ring.judge(`ff_${'0'.repeat(12)}_${text.slice(16)}`)).kind, 'unknown');
});

test('a revoked key is refused within five seconds everywhere, and an expired one at once', async () => {
  const { store, ring, clock } = open();
  const { text, record } = await store.create({ ...KIOSK, expiresAt: clock.now() + 60_000 });
  assert.equal((await ring.judge(text)).kind, 'good');
  await clock.advance(60_000);
  assert.equal((await ring.judge(text)).kind, 'expired');

  const { text: second, record: kept } = await store.create(KIOSK);
  assert.equal((await ring.judge(second)).kind, 'good');
  await store.revoke(kept.id);
  await clock.advance(5000);
  assert.equal((await ring.judge(second)).kind, 'revoked');
  await store.revoke(kept.id);
  await assert.rejects(store.revoke('0'.repeat(12)), { code: 'not-found' });
  await assert.rejects(store.revoke('../../leader'), { code: 'not-found' });
  assert.notEqual(record.id, kept.id);
});

test('of many who revoke a key at once nobody fails', async () => {
  const { store } = open();
  const { record } = await store.create(KIOSK);
  const revoked = await Promise.all(Array.from({ length: 10 }, () => store.revoke(record.id)));
  assert.deepEqual(new Set(revoked.map(({ revokedAt }) => revokedAt)).size, 1);
});

test('a key is looked up once in five seconds, however many ask', async () => {
  const { store, ring, clock } = open();
  const { text } = await store.create(KIOSK);
  let reads = 0;
  const find = store.find.bind(store);
  store.find = (id) => {
    reads++;
    return find(id);
  };
  await Promise.all(Array.from({ length: 50 }, () => ring.judge(text)));
  assert.equal(reads, 1);
  await clock.advance(5000);
  await Promise.all(Array.from({ length: 50 }, () => ring.judge(text)));
  assert.equal(reads, 2);
});

test('keys that are made up soon cost no look each, and keep nobody out for long', async () => {
  const { store, ring, clock } = open();
  const { text } = await store.create(KIOSK);
  let looks = 0;
  let listings = 0;
  const [find, ids] = [store.find.bind(store), store.ids.bind(store)];
  Object.assign(store, {
    find: (id: string) => ++looks && find(id),
    ids: () => ++listings && ids(),
  });
  const guess = async (from: number, count: number) => {
    for (let at = from; at < from + count; at++) {
      const id = at.toString(16).padStart(12, '0');
      assert.equal((await ring.judge(`ff_${id}_${text.slice(16)}`)).kind, 'unknown');
    }
  };
  await guess(0, 2000);
  assert.deepEqual([looks, listings], [301, 1]);
  assert.equal((await ring.judge(text)).kind, 'good', 'who has a key comes in meanwhile');
  const { text: made } = await store.create(KIOSK);
  await clock.advance(1000);
  assert.equal((await ring.judge(made)).kind, 'good', 'with a key that was just made a second later');
  await guess(2000, 2000);
  assert.ok(looks < 320 && listings === 2, `${looks} looks, ${listings} listings`);
});

test('a key that was just made is good at once, as long as nobody guesses', async () => {
  const { store, ring } = open();
  for (let at = 0; at < 250; at++) {
    const { text } = await store.create(KIOSK);
    assert.equal((await ring.judge(`${text.slice(0, 3)}${'0'.repeat(12)}${text.slice(15)}`)).kind, 'unknown');
    assert.equal((await ring.judge(text)).kind, 'good');
  }
});

test('a bucket that fails is not taken for a key that is wrong', async () => {
  const { store, ring } = open();
  const { text } = await store.create(KIOSK);
  const find = store.find.bind(store);
  store.find = () => Promise.reject(new Error('the disk is gone'));
  await assert.rejects(ring.judge(text), /the disk is gone/);
  store.find = find;
  assert.equal((await ring.judge(text)).kind, 'good');
});

test('so many a minute are let through, and told when to come again', async () => {
  const { store, ring, clock } = open();
  const { text } = await store.create({ ...KIOSK, requestsPerMinute: 3 });
  const ask = async () => (await ring.judge(text)).kind;
  assert.deepEqual(await inTurn(4, ask), ['good', 'good', 'good', 'limited']);
  const verdict = await ring.judge(text);
  assert.equal(verdict.kind === 'limited' && verdict.retryAfterSeconds, 20);
  await clock.advance(20_000);
  assert.deepEqual(await inTurn(2, ask), ['good', 'limited']);
  await clock.advance(3_600_000);
  assert.deepEqual(await inTurn(4, ask), ['good', 'good', 'good', 'limited']);
});

async function inTurn<T>(count: number, call: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let turn = 0; turn < count; turn++) results.push(await call());
  return results;
}
