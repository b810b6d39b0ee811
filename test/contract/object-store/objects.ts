import assert from 'node:assert/strict';

import type { ObjectStore } from '../../../src/ports/object-store.ts';
import { type ContractTest, hasCode, listKeys, readText, text } from './subject.ts';

export function objectContract(it: ContractTest): void {
  it('what was put is what others get', async ({ store, another }) => {
    const before = Date.now();
    const { etag } = await store.put('pictures/a.jpg', text('hello'));
    const found = await another().get('pictures/a.jpg');
    assert.equal((await found?.bytes())?.toString(), 'hello');
    assert.equal(found?.info.key, 'pictures/a.jpg');
    assert.equal(found?.info.etag, etag);
    assert.equal(found?.info.sizeBytes, 5);
    // A minute of grace: the store may have a clock of its own.
    assert.ok(Math.abs((found?.info.lastModified.getTime() ?? 0) - before) < 60_000);
    assert.deepEqual(await another().head('pictures/a.jpg'), found?.info);
  });

  it('a missing key is undefined, and deleting it is no error', async ({ store }) => {
    assert.equal(await store.get('missing'), undefined);
    assert.equal(await store.head('missing/below'), undefined);
    await store.delete('missing');
    await store.delete('missing/below');
  });

  it('an empty object is an object', async ({ store }) => {
    await store.put('empty', new Uint8Array());
    assert.equal((await store.head('empty'))?.sizeBytes, 0);
    assert.equal(await readText(store, 'empty'), '');
    assert.equal((await (await store.get('empty'))?.stream().toArray())?.length, 0);
  });

  it('a put replaces all of the old object: body, content type and metadata', async ({ store }) => {
    const first = await store.put('key', text('a longer body'), {
      contentType: 'application/x-first',
      metadata: { one: '1', two: '2' },
    });
    const second = await store.put('key', text('short'), {
      contentType: 'application/x-second',
      metadata: { two: 'II' },
    });
    assert.notEqual(first.etag, second.etag);
    const info = (await store.get('key'))?.info;
    assert.equal(info?.contentType, 'application/x-second');
    assert.deepEqual(info?.metadata, { two: 'II' });
    const third = await store.put('key', text('plain'));
    assert.notEqual(third.etag, second.etag);
    assert.deepEqual((await store.head('key'))?.metadata, {});
    assert.notEqual((await store.head('key'))?.contentType, 'application/x-second');
  });

  it('content types come back as put, whatever the key looks like', async ({ store }) => {
    for (const [key, contentType] of [
      ['picture.jpg', 'image/jpeg'],
      ['picture.png', 'application/octet-stream'],
      ['uploads/0198', 'image/webp'],
      ['test_00', 'text/plain'],
      ['result.json', 'application/json'],
      ['result.json/x', 'application/json; charset=utf-8'],
    ] as const) {
      await store.put(key, text('Paul'), { contentType });
      assert.equal((await store.head(key))?.contentType, contentType, key);
    }
  });

  it('metadata holds any text', async ({ store, another }) => {
    const metadata = {
      'file-name': 'Zoë "Ω" 日本\u{1f600}%00\\n =,;.jpg',
      empty: '',
      under_score: ' spaced ',
    };
    await store.put('key', text('body'), { metadata });
    assert.deepEqual((await another().head('key'))?.metadata, metadata);
  });

  it('metadata that could not be stored everywhere is refused', async ({ store }) => {
    for (const metadata of [
      { Upper: 'x' },
      { 'with space': 'x' },
      { line: 'a\nb' },
      { half: '\ud800' },
      { long: 'x'.repeat(2048) },
    ]) {
      await assert.rejects(store.put('key', text('body'), { metadata }), hasCode('bad-request'));
    }
    assert.equal(await store.head('key'), undefined);
  });

  it('other bytes have another etag, and a listing tells the same one', async ({ store, another }) => {
    const etags = new Set<string>();
    for (let round = 0; round < 40; round++) {
      if (round % 8 === 7) await store.delete('key');
      etags.add((await store.put('key', text(`version ${round}`))).etag);
    }
    assert.equal(etags.size, 40);
    for await (const { etag } of another().list()) assert.ok(etags.has(etag));
  });

  it('forgetting former versions leaves the object as it is', async ({ store, another }) => {
    await store.put('key', text('former'));
    const { etag } = await store.put('key', text('present'), { metadata: { a: 'b' } });
    await another().forgetVersions('key');
    await another().forgetVersions('key');
    await store.forgetVersions('missing');
    const info = await another().head('key');
    assert.deepEqual([info?.etag, info?.metadata], [etag, { a: 'b' }]);
    assert.equal(await readText(store, 'key'), 'present');
  });

  it('a deleted object is gone for everybody, and can come back', async ({ store, another }) => {
    await store.put('folder/key', text('one'), { metadata: { a: 'b' } });
    await another().delete('folder/key');
    assert.equal(await store.get('folder/key'), undefined);
    assert.deepEqual(await listKeys(store), []);
    await store.put('folder/key', text('two'));
    assert.equal(await readText(another(), 'folder/key'), 'two');
    assert.deepEqual((await store.head('folder/key'))?.metadata, {});
  });

  it('bytes() refuses more than the limit', async ({ store }) => {
    await store.put('key', text('12345'));
    assert.equal((await (await store.get('key'))?.bytes(5))?.length, 5);
    await assert.rejects((await store.get('key'))?.bytes(4) ?? Promise.resolve(), hasCode('limit-exceeded'));
  });

  it('readers beside a writer see whole objects with their own metadata', async ({ store, another }) => {
    const sizes = [10, 300_000, 2_000, 70_000];
    await store.put('key', Buffer.alloc(10, 0), { metadata: { size: '10' } });
    let isWriting = true;
    const write = async () => {
      for (let round = 1; round <= 30; round++) {
        const size = sizes[round % sizes.length]!;
        const options = round % 5 === 4 ? {} : { metadata: { size: String(size) } };
        await store.put('key', Buffer.alloc(size, round), options);
      }
      isWriting = false;
    };
    const read = async (reader: ObjectStore) => {
      while (isWriting) {
        const found = await reader.get('key');
        const body = await found!.bytes();
        assert.ok(
          body.every((byte) => byte === body[0]),
          'one version, not a mixture',
        );
        assert.equal(body.length, found!.info.sizeBytes);
        const expected = body[0]! % 5 === 4 ? undefined : String(body.length);
        assert.equal(found!.info.metadata.size, expected, `metadata of version ${body[0]}`);
      }
    };
    await Promise.all([write(), read(another()), read(another())]);
  });
}
