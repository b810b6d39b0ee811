import assert from 'node:assert/strict';
import { isAbsolute, join, relative } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';

import { arbitraryKey, byBytes, ODD_KEYS } from '../../../../test/contract/object-store/keys.ts';
import { decodeName, encodeKey, joinPath, keyFromBytes, keyToBytes } from './key-encoding.ts';

function decode(key: string): string | undefined {
  const { folders, file } = encodeKey(key);
  const names = [...folders.map((name) => decodeName(name, true)), decodeName(file, false)];
  return keyFromBytes(
    names.map((name) => `${name?.bytes ?? '?'}${name?.kind === 'folder' ? '/' : ''}`).join(''),
  );
}

/** As the least exact disk would compare names. */
function folded(key: string): string {
  return joinPath(encodeKey(key)).toLowerCase().normalize('NFD');
}

const anyKey = fc.oneof(
  arbitraryKey,
  fc.constantFrom(...ODD_KEYS),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }).filter((key) => Buffer.byteLength(key) <= 1024),
);

describe('keys as paths', () => {
  test('plain keys can be read in the folder', () => {
    assert.equal(joinPath(encodeKey('test_00.jpg')), 'test_00.jpg');
    assert.equal(joinPath(encodeKey('results/0198c-4d.json')), join('results+', '0198c-4d.json'));
    assert.equal(joinPath(encodeKey('IMG_1.JPG')), '!i!m!g_1.!j!p!g');
    assert.equal(joinPath(encodeKey('../x')), join('%2e%2e+', 'x'));
    assert.equal(joinPath(encodeKey(' a/ /.b/c ./d')), join(' a+', '%20+', '%2eb+', 'c %2e+', 'd'));
    assert.equal(joinPath(encodeKey('e'.repeat(241))), join(`${'e'.repeat(240)}++`, 'e'));
  });

  test('every key can be told from its path', () => {
    fc.assert(
      fc.property(anyKey, (key) => {
        assert.equal(decode(key), key);
      }),
      { numRuns: 1000 },
    );
  });

  test('two keys never share a path, also where case and Unicode forms are ignored', () => {
    fc.assert(
      fc.property(anyKey, anyKey, (a, b) => {
        assert.equal(folded(a) === folded(b), a === b);
        assert.equal(folded(a), joinPath(encodeKey(a)), 'nothing to fold');
      }),
      { numRuns: 1000 },
    );
    assert.equal(new Set(ODD_KEYS.map(folded)).size, ODD_KEYS.length);
  });

  test('no path leaves the folder, is hidden, or has a name too long', () => {
    const bucket = join('/', 'data', 'bucket');
    fc.assert(
      fc.property(anyKey, (key) => {
        const { folders, file } = encodeKey(key);
        const inside = relative(bucket, join(bucket, ...folders, file));
        assert.ok(!isAbsolute(inside) && !inside.startsWith('..'));
        assert.equal(inside, join(...folders, file), 'nothing was resolved away');
        for (const name of [...folders, file]) {
          assert.match(name, /^[^./][^/]*$/);
          assert.ok(name.length <= 250);
          assert.match(name, /^[\x20-\x7e]*[^. ]$/);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('a folder is never a file', () => {
    fc.assert(
      fc.property(anyKey, anyKey, (a, b) => {
        assert.ok(!`${folded(b)}/`.startsWith(`${folded(a)}/`) || a === b);
      }),
    );
  });

  test('bytes of keys sort as UTF-8 does', () => {
    fc.assert(
      fc.property(anyKey, anyKey, (a, b) => {
        const [x, y] = [keyToBytes(a), keyToBytes(b)];
        assert.equal(Math.sign(byBytes(a, b)), x < y ? -1 : x > y ? 1 : 0);
        assert.equal(keyFromBytes(x), a);
      }),
    );
  });

  test('names that no key has are nothing', () => {
    for (const name of ['.DS_Store', 'Thumbs.db', 'Zoë.jpg', '%ZZ', '%4', '!', 'a+', 'lock~\u00e4', '']) {
      assert.equal(decodeName(name, false), undefined, name);
    }
    for (const name of ['.tmp', '.meta', 'plain', 'A+', '']) {
      assert.equal(decodeName(name, true), undefined, name);
    }
    assert.equal(keyFromBytes('\xff'), undefined);
  });
});
