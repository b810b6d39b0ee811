import assert from 'node:assert/strict';
import fc from 'fast-check';

import { errorCode } from '../../../src/errors.ts';
import type { ObjectStore } from '../../../src/ports/object-store.ts';
import { type ContractTest, listKeys, readText } from './subject.ts';

/** Keys that have broken stores on folders, disks that ignore case, or URLs. */
export const ODD_KEYS: readonly string[] = [
  'a',
  'A',
  'a/b',
  'a/B',
  'a/b/c',
  'a/',
  'a//b',
  '/',
  '//',
  '/etc/passwd',
  '..',
  '../escape',
  'a/../b',
  './a',
  '.',
  '.hidden',
  '.tmp/x',
  '.meta/a',
  'nul\0byte',
  'line\nfeed\r\t\u007f',
  'trailing.',
  'trailing ',
  ' leading',
  'dir+',
  'dir+/x',
  'dir++',
  '%2e%2e',
  '%',
  '100%',
  '%zz',
  '!a',
  'C:\\windows\\con',
  'con',
  'a?b#c&d=e+f',
  '*<>|"\'`$~^',
  'Zoë',
  'Zoe\u0308',
  'ß',
  'SS',
  'ﬁ',
  'İ',
  'K',
  '\u{1f600}',
  '\uffff',
  '日本語/ファイル.jpg',
  'IMG_0001.JPG',
  'img_0001.jpg',
  'constructor',
  '__proto__',
  'x'.repeat(255),
  'x'.repeat(256),
  `${'x'.repeat(255)}/y`,
  'X'.repeat(1024),
  '\0'.repeat(339),
  'é'.repeat(512),
  `${'k'.repeat(240)}-`,
  `${'k'.repeat(240)}/after`,
  `${'k'.repeat(240)}0${'z'.repeat(100)}`,
  '/'.repeat(40),
  'a/'.repeat(40),
];

const component = fc.oneof(
  fc.constantFrom('a', 'A', 'b', '.', '..', '', 'a+', '%2f', '-', '~', '\0', 'é', 'e\u0301', 'x'.repeat(250)),
  fc.string({ unit: 'grapheme', maxLength: 6 }),
  fc.string({ unit: 'binary', maxLength: 4 }),
);

/** Mostly short keys that look alike, since those are the ones that collide. */
export const arbitraryKey: fc.Arbitrary<string> = fc
  .array(component, { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join('/'))
  .filter((key) => key.isWellFormed() && key !== '' && Buffer.byteLength(key) <= 1024);

export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

export function keyContract(it: ContractTest): void {
  it('odd keys neither collide nor change', async ({ store, another }) => {
    for (const [index, key] of ODD_KEYS.entries()) {
      await store.put(
        key,
        Buffer.from(`body ${index}`),
        index % 2 === 0 ? {} : { metadata: { key: `${index}` } },
      );
    }
    for (const [index, key] of ODD_KEYS.entries()) {
      assert.equal(await readText(another(), key), `body ${index}`, JSON.stringify(key));
      const info = await another().head(key);
      assert.deepEqual(info?.metadata, index % 2 === 0 ? {} : { key: `${index}` }, JSON.stringify(key));
    }
    assert.deepEqual(await listKeys(another()), [...ODD_KEYS].sort(byBytes));
    for (const key of ODD_KEYS) await store.delete(key);
    assert.deepEqual(await listKeys(store), []);
  });

  it('what is no key is refused', async ({ store }) => {
    for (const key of [
      '',
      'x'.repeat(1025),
      'é'.repeat(513),
      '\0'.repeat(1024),
      'half \ud800 pair',
      '\udc00',
    ]) {
      for (const call of [
        () => store.put(key, Buffer.from('x')),
        () => store.get(key),
        () => store.head(key),
        () => store.delete(key),
      ]) {
        await assert.rejects(call(), (error) => errorCode(error) === 'bad-request', JSON.stringify(key));
      }
    }
  });

  it('a listing has prefix, start, order, and the facts of each object', async ({ store, another }) => {
    const keys = [
      'a',
      'a!',
      'a-b',
      'a.b',
      'a/',
      'a/1',
      'a/2/3',
      'a0',
      'aa',
      'b/1',
      'b/2',
      'B',
      'é',
      '\u{10000}',
      '\uffee',
    ];
    const etags = new Map<string, string>();
    for (const key of keys) etags.set(key, (await store.put(key, Buffer.from(key))).etag);
    const sorted = [...keys].sort(byBytes);
    assert.deepEqual(await listKeys(store), sorted);
    for (const prefix of ['a', 'a/', 'a/2', 'a/2/', 'b/', 'c', 'é', 'a/2/3', 'a/2/34']) {
      assert.deepEqual(
        await listKeys(another(), { prefix }),
        sorted.filter((key) => key.startsWith(prefix)),
        `prefix ${prefix}`,
      );
    }
    for (const startAfter of [...keys, 'a/2', 'a/2/4', 'zz', '\0']) {
      assert.deepEqual(
        await listKeys(store, { startAfter }),
        sorted.filter((key) => byBytes(key, startAfter) > 0),
        `after ${startAfter}`,
      );
    }
    assert.deepEqual(await listKeys(store, { prefix: 'a/', startAfter: 'a/1' }), ['a/2/3']);
    for await (const entry of store.list()) {
      const head = await store.head(entry.key);
      assert.equal(entry.etag, etags.get(entry.key));
      assert.equal(entry.sizeBytes, Buffer.byteLength(entry.key));
      assert.deepEqual(entry.lastModified, head?.lastModified);
    }
  });

  it('a listing may be left early, and may change under the reader', async ({ store }) => {
    for (let index = 0; index < 30; index++) await store.put(`k/${index}`, Buffer.from('x'));
    for await (const entry of store.list({ prefix: 'k/' })) {
      assert.equal(entry.key, 'k/0');
      break;
    }
    const seen: string[] = [];
    for await (const entry of store.list()) {
      seen.push(entry.key);
      await store.delete(entry.key);
    }
    assert.equal(new Set(seen).size, 30);
    assert.deepEqual(await listKeys(store), []);
  });

  it('a put into a folder that is just being emptied succeeds', async ({ store, another }) => {
    for (let round = 0; round < 25; round++) {
      await store.put('deep/er/old', Buffer.from('x'));
      await Promise.all([store.delete('deep/er/old'), another().put('deep/er/new', Buffer.from('y'))]);
      assert.equal(await readText(store, 'deep/er/new'), 'y');
      await store.delete('deep/er/new');
    }
  });

  it('any sequence of calls gives what a map would give', async ({ store }) => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 25 }), async (commands) => {
        const model = new Map<string, string>();
        for (const { kind, key, body } of commands) await apply(store, model, kind, key, body);
        assert.deepEqual(await listKeys(store), [...model.keys()].sort(byBytes));
        for (const [key, body] of model) assert.equal(await readText(store, key), body);
        for (const key of model.keys()) await store.delete(key);
        assert.deepEqual(await listKeys(store), []);
      }),
      { numRuns: 20 },
    );
  });
}

const command = fc.record({
  kind: fc.constantFrom('put', 'put', 'create', 'swap', 'delete'),
  key: arbitraryKey,
  body: fc.string({ maxLength: 8 }).filter((body) => body.isWellFormed()),
});

async function apply(
  store: ObjectStore,
  model: Map<string, string>,
  kind: string,
  key: string,
  body: string,
): Promise<void> {
  const bytes = Buffer.from(body);
  if (kind === 'delete') {
    await store.delete(key);
    model.delete(key);
  } else if (kind === 'create' && model.has(key)) {
    await assert.rejects(store.put(key, bytes, { ifNoneMatch: '*' }));
  } else if (kind === 'swap') {
    const head = await store.head(key);
    assert.equal(head !== undefined, model.has(key));
    if (head !== undefined) await store.put(key, bytes, { ifMatch: head.etag });
    if (head !== undefined) model.set(key, body);
  } else {
    await store.put(key, bytes, kind === 'create' ? { ifNoneMatch: '*' } : {});
    model.set(key, body);
  }
}
