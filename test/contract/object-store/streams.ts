import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Readable } from 'node:stream';

import { type ContractTest, hasCode, listKeys, readText, text } from './subject.ts';

export function streamContract(it: ContractTest): void {
  it('a stream is stored whole', async ({ store, another }) => {
    const chunks = Array.from({ length: 50 }, (_, index) => Buffer.alloc(20_000, index));
    await store.put('key', Readable.from(chunks), { maxBytes: 1_000_000 });
    assert.deepEqual(await (await another().get('key'))?.bytes(), Buffer.concat(chunks));
    const streamed = await (await another().get('key'))?.stream().toArray();
    assert.deepEqual(Buffer.concat(streamed ?? []), Buffer.concat(chunks));
  });

  it('more than maxBytes rejects, stores nothing, and stops reading', async ({ store }) => {
    await store.put('key', text('old'));
    let pulled = 0;
    const endless = new Readable({
      read() {
        pulled++;
        this.push(Buffer.alloc(1000));
      },
    });
    await assert.rejects(store.put('key', endless, { maxBytes: 10_000 }), hasCode('limit-exceeded'));
    assert.ok(endless.destroyed);
    assert.ok(pulled < 1000);
    await assert.rejects(store.put('key', text('12345'), { maxBytes: 4 }), hasCode('limit-exceeded'));
    assert.equal(await readText(store, 'key'), 'old');
  });

  it('a stream that fails rejects with its error and stores nothing', async ({ store }) => {
    const failure = new Error('the client went away');
    const failing = Readable.from(
      (async function* () {
        yield Buffer.alloc(100_000);
        throw failure;
      })(),
    );
    await assert.rejects(store.put('key', failing, { maxBytes: 1_000_000 }), failure);
    const cut = new Readable({ read() {} });
    cut.push(Buffer.alloc(10));
    const put = store.put('key', cut, { maxBytes: 1_000_000 });
    setImmediate(() => cut.destroy());
    await assert.rejects(put);
    assert.equal(await store.head('key'), undefined);
    assert.deepEqual(await listKeys(store), []);
  });

  it('aborting rejects with the reason and stores nothing', async ({ store }) => {
    const reason = new Error('enough');
    await assert.rejects(store.put('key', text('x'), { signal: AbortSignal.abort(reason) }), reason);
    await assert.rejects(store.get('key', { signal: AbortSignal.abort(reason) }), reason);
    const abort = new AbortController();
    const stalled = new Readable({ read() {} });
    stalled.push(Buffer.alloc(10));
    const put = store.put('key', stalled, { maxBytes: 100, signal: abort.signal });
    setImmediate(() => abort.abort(reason));
    await assert.rejects(put, reason);
    assert.ok(stalled.destroyed);
    assert.equal(await store.head('key'), undefined);
  });

  it('a stream that was opened before an overwrite, or a delete, ends with the old body', async ({
    store,
  }) => {
    const size = 5_000_000;
    await store.put('key', Buffer.alloc(size, 1));
    const [first, second] = [await store.get('key'), await store.get('key')];
    const stream = first!.stream();
    await once(stream, 'readable');
    await store.put('key', Buffer.alloc(size, 2));
    const third = await store.get('key');
    await store.delete('key');
    assert.ok(Buffer.concat(await stream.toArray()).equals(Buffer.alloc(size, 1)));
    assert.ok((await second!.bytes()).equals(Buffer.alloc(size, 1)));
    assert.ok((await third!.bytes()).equals(Buffer.alloc(size, 2)));
  });

  it('a stream nobody reads to the end can be destroyed', async ({ store }) => {
    await store.put('key', Buffer.alloc(1_000_000));
    for (let round = 0; round < 3; round++) {
      const stream = (await store.get('key'))!.stream();
      stream.destroy();
      await once(stream, 'close');
    }
  });
}
