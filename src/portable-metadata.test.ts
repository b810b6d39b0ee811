import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';

import { decodeMetadataValue, encodeMetadataValue, metadataBytes } from './portable-metadata.ts';

test('ordinary text is written as it is', () => {
  for (const value of ['Ada Lovelace', '{"version":1,"fileName":"a.jpg"}', '100%', 'x']) {
    assert.equal(encodeMetadataValue(value), value);
  }
});

test('any text becomes printable ASCII without spaces at its ends, and comes back', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string(),
    fc.constantFrom('', ' ', 'base64:', 'base64:QQ==', ' a ', 'é'),
  );
  fc.assert(
    fc.property(text, (value) => {
      const encoded = encodeMetadataValue(value);
      assert.match(encoded, /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/);
      assert.equal(decodeMetadataValue(encoded), value);
    }),
    { numRuns: 1000 },
  );
});

test('names and encoded values count', () => {
  assert.equal(metadataBytes({ ab: 'cde', f: '' }), 2 + 3 + 1 + 'base64:'.length);
});
