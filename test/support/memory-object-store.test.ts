import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { objectStoreContract } from '../contract/object-store.contract.ts';
import { MemoryObjectStore } from './memory-object-store.ts';

objectStoreContract('memory object store', async () => {
  const store = new MemoryObjectStore();
  return { store, another: () => store, [Symbol.asyncDispose]: async () => {} };
});

describe('memory object store: failing on request', () => {
  const failure = new Error('told to');

  test('the next matching call fails, the one after does not', async () => {
    const store = new MemoryObjectStore();
    store.failNext('put', failure, { key: /^b/ });
    await store.put('a', Buffer.from('1'));
    await assert.rejects(store.put('b', Buffer.from('1')), failure);
    assert.deepEqual(store.keys, ['a']);
    await store.put('b', Buffer.from('1'));
    assert.deepEqual(store.keys, ['a', 'b']);
  });

  test('an answer can be lost although the call was carried out', async () => {
    const store = new MemoryObjectStore();
    store.failNext('put', failure, { afterwards: true });
    await assert.rejects(store.put('a', Buffer.from('1'), { ifNoneMatch: '*' }), failure);
    assert.deepEqual(store.keys, ['a']);
  });

  test('a call can be held back', async () => {
    const store = new MemoryObjectStore();
    const pause = store.pauseNext('put');
    const put = store.put('a', Buffer.from('1'));
    await pause.reached;
    assert.deepEqual(store.keys, []);
    pause.release();
    await put;
    assert.deepEqual(store.keys, ['a']);
  });
});
