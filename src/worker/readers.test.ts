import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeRecogniser } from '../../test/support/fake-recogniser.ts';
import { createReaders } from './readers.ts';

function open() {
  const log: string[] = [];
  const own = new FakeRecogniser({ packId: 'fast' });
  const readers = createReaders({
    own,
    open: async (packId) => {
      if (packId === 'broken') throw new Error('no such pack');
      log.push(`open ${packId}`);
      const recogniser = new FakeRecogniser({ packId });
      recogniser[Symbol.asyncDispose] = async () => void log.push(`close ${packId}`);
      return recogniser;
    },
    isolated: () => assert.fail('nothing is read apart'),
  });
  return { log, own, readers };
}

test('the own pack is read by the own recogniser, another one by one that is kept', async () => {
  const { log, own, readers } = open();
  assert.equal(await readers.here('fast'), own);
  const [first, second] = await Promise.all([readers.here('accurate'), readers.here('accurate')]);
  assert.equal(first, second);
  assert.deepEqual(log, ['open accurate']);
  await readers.here('mine');
  await readers[Symbol.asyncDispose]();
  assert.deepEqual(log, ['open accurate', 'close accurate', 'open mine', 'close mine']);
});

test('a pack that cannot be opened is tried again when it is asked for again', async () => {
  const { readers } = open();
  await assert.rejects(readers.here('broken'));
  await assert.rejects(readers.here('broken'));
  assert.ok(await readers.here('accurate'));
});
