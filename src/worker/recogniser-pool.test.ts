import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeRecogniser } from '../../test/support/fake-recogniser.ts';
import { Gate } from '../../test/support/gate.ts';
import { openRecogniserPool } from './recogniser-pool.ts';

test('each picture goes to the recogniser with the least to do', async () => {
  const opened: FakeRecogniser[] = [];
  const gate = new Gate();
  const pool = await openRecogniserPool(2, async () => {
    const recogniser = new FakeRecogniser();
    recogniser.before = (text) => (text === 'slow' ? gate.pass() : undefined);
    opened.push(recogniser);
    return recogniser;
  });
  const slow = pool.recognise(Buffer.from('slow'));
  for (const name of ['paul', 'anna']) await pool.recognise(Buffer.from(name));
  assert.deepEqual(
    opened.map(({ pictures }) => pictures),
    [['slow'], ['paul', 'anna']],
  );
  gate.open();
  assert.equal((await slow).faces.length, 1);
});

test('when one cannot be opened the others are closed again', async () => {
  let closed = 0;
  let calls = 0;
  const open = async () => {
    if (++calls === 2) throw new Error('no memory');
    const recogniser = new FakeRecogniser();
    recogniser[Symbol.asyncDispose] = async () => void closed++;
    return recogniser;
  };
  await assert.rejects(openRecogniserPool(3, open));
  assert.equal(closed, 2);
});
