import assert from 'node:assert/strict';

import type { ObjectStore } from '../../../src/ports/object-store.ts';
import { type ContractTest, isPreconditionFailed, readText, text } from './subject.ts';

export function conditionContract(it: ContractTest): void {
  it('create only: of many at once exactly one resolves', async ({ store, another }) => {
    const stores = [store, another(), another()];
    for (const options of [{}, { metadata: { who: 'x' } }]) {
      const key = `race/${Object.keys(options).length}`;
      const outcomes = await Promise.allSettled(
        Array.from({ length: 24 }, (_, index) =>
          stores[index % 3]!.put(key, text(`writer ${index}`), { ...options, ifNoneMatch: '*' }),
        ),
      );
      const winners = outcomes.flatMap((outcome, index) => (outcome.status === 'fulfilled' ? [index] : []));
      assert.equal(winners.length, 1);
      assert.equal(await readText(store, key), `writer ${winners[0]}`);
      for (const outcome of outcomes) {
        assert.ok(outcome.status === 'fulfilled' || isPreconditionFailed(outcome.reason));
      }
    }
  });

  it('create only: a refused put leaves the object as it is', async ({ store }) => {
    const { etag } = await store.put('key', text('first'), { metadata: { a: '1' } });
    await assert.rejects(
      store.put('key', text('later'), { ifNoneMatch: '*', metadata: { a: '2' } }),
      isPreconditionFailed,
    );
    const found = await store.get('key');
    assert.equal((await found?.bytes())?.toString(), 'first');
    assert.deepEqual([found?.info.etag, found?.info.metadata], [etag, { a: '1' }]);
    await store.delete('key');
    await store.put('key', text('after a delete'), { ifNoneMatch: '*' });
  });

  it('ifMatch replaces that version only', async ({ store, another }) => {
    await assert.rejects(store.put('key', text('x'), { ifMatch: '"none"' }), isPreconditionFailed);
    const first = await store.put('key', text('one'));
    const second = await another().put('key', text('two'), { ifMatch: first.etag });
    await assert.rejects(store.put('key', text('three'), { ifMatch: first.etag }), isPreconditionFailed);
    assert.equal(await readText(store, 'key'), 'two');
    await store.delete('key');
    await assert.rejects(store.put('key', text('four'), { ifMatch: second.etag }), isPreconditionFailed);
    assert.equal(await store.head('key'), undefined);
  });

  it('a counter that many compare and swap loses no step', async ({ store, another }) => {
    await store.put('counter', text('0'));
    const step = async (client: ObjectStore): Promise<void> => {
      for (;;) {
        const found = (await client.get('counter'))!;
        const next = Number((await found.bytes()).toString()) + 1;
        try {
          await client.put('counter', text(String(next)), { ifMatch: found.info.etag });
          return;
        } catch (error) {
          if (!isPreconditionFailed(error)) throw error;
        }
      }
    };
    const clients = [store, another(), another()];
    await Promise.all(Array.from({ length: 12 }, (_, index) => step(clients[index % 3]!)));
    assert.equal(await readText(store, 'counter'), '12');
  });

  it('an unconditional put or a delete is never undone by a conditional one', async ({ store, another }) => {
    for (let round = 0; round < 15; round++) {
      const { etag } = await store.put('key', text('old'));
      const other =
        round % 2 === 0 ? () => another().put('key', text('other')) : () => another().delete('key');
      await Promise.allSettled([store.put('key', text('conditional'), { ifMatch: etag }), other()]);
      // Whichever came first, the unconditional one has the last word: the conditional one fails after it.
      assert.equal(await readText(store, 'key'), round % 2 === 0 ? 'other' : undefined);
    }
  });
}
