import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';

import { arbitraryKey, ODD_KEYS } from '../../test/contract/object-store/keys.ts';
import { isOdd, keyOfStored, ODD_FOLDER, oddPrefix, storedKey } from './portable-key.ts';

test('ordinary keys are stored under their own names', () => {
  for (const key of [
    'test_00',
    'test_00.jpg',
    'uploads/0192f0c1-aaaa-7bbb-8ccc-000000000000',
    'gallery/default/manifest.json',
    '日本語/ファイル.jpg',
    'a b+c%20&=?.png',
    '.hidden',
    'a/',
    '..a',
  ]) {
    assert.equal(storedKey(key), key);
  }
});

test('what S3 cannot list, or others would fold, is put aside', () => {
  for (const key of [
    '..',
    'a/../b',
    './a',
    'a//b',
    '/a',
    '/',
    'nul\0',
    'tab\t',
    '\uffff',
    '.odd/x',
    '\u0085',
  ]) {
    assert.ok(storedKey(key).startsWith(ODD_FOLDER), JSON.stringify(key));
    const name = storedKey(key).slice(ODD_FOLDER.length);
    assert.ok(!isOdd(name) || key.startsWith(ODD_FOLDER), storedKey(key));
  }
});

test('no two keys share a name, and every name tells its key', () => {
  const names = new Set(ODD_KEYS.map(storedKey));
  assert.equal(names.size, ODD_KEYS.length);
  fc.assert(
    fc.property(arbitraryKey, (key) => {
      assert.equal(keyOfStored(storedKey(key)), key);
    }),
    { numRuns: 2000 },
  );
});

test('a name that no key has belongs to somebody else', () => {
  for (const name of ['a//b', '../x', '.odd/plain', '.odd/%zz', '.odd/%2e%2e', '.odd/']) {
    assert.equal(keyOfStored(name), undefined, name);
  }
});

test('the names of odd keys with a prefix begin alike', () => {
  fc.assert(
    fc.property(arbitraryKey, fc.nat(), (key, at) => {
      const characters = [...key];
      const prefix = characters.slice(0, at % (characters.length + 1)).join('');
      if (isOdd(key)) assert.ok(storedKey(key).startsWith(oddPrefix(prefix)), JSON.stringify([key, prefix]));
    }),
    { numRuns: 2000 },
  );
});
