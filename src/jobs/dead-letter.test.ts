import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeDeadLetter, encodeDeadLetter, MAX_DEAD_LETTER_BYTES } from './dead-letter.ts';

test('a dead letter keeps the message and says why it died', () => {
  const letter = { message: '{"jobId":"1"}', reason: 'it crashes recognisers', diedAt: 7, instanceId: 'a' };
  const read = decodeDeadLetter(encodeDeadLetter(letter));
  assert.deepEqual({ ...read }, { version: 1, ...letter });
});

test('what the queue moved by itself is read as the message', () => {
  assert.equal(decodeDeadLetter('{"jobId":"1"}').message, '{"jobId":"1"}');
  assert.equal(decodeDeadLetter('no JSON').message, 'no JSON');
});

test('property: a letter fits the 8 KB of its queue', () => {
  const anyText = fc.string({ unit: 'binary', maxLength: 3000 });
  // What a queue carries: up to 1,024 bytes without control characters.
  const message = fc.string({ unit: fc.constantFrom('"', '\\', '\n', 'é', '漢', 'a'), maxLength: 340 });
  fc.assert(
    fc.property(message, anyText, (body, reason) => {
      const letter = encodeDeadLetter({ message: body, reason, diedAt: 0 });
      assert.ok(Buffer.byteLength(letter) <= MAX_DEAD_LETTER_BYTES);
    }),
  );
});
