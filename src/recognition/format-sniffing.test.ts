import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sniffFormat } from './format-sniffing.ts';

const sniff = (text: string) => sniffFormat(Buffer.from(text, 'latin1'));

test('reads are told by their first bytes', () => {
  assert.deepEqual(sniff('\xff\xd8\xff\xe0'), { kind: 'readable', format: 'jpeg' });
  assert.deepEqual(sniff('II*\0\x08\0\0\0'), { kind: 'readable', format: 'tiff' });
  assert.deepEqual(sniff('MM\0+\0\x08\0\0'), { kind: 'readable', format: 'tiff' });
  assert.deepEqual(sniff('\0\0\0\x1cftypavif\0\0\0\0mif1miaf'), { kind: 'readable', format: 'avif' });
});

test('what is not read is called by its name', () => {
  const names: Record<string, string> = {
    '\0\0\0\x18ftypheic\0\0\0\0mif1heic': 'HEIC',
    '\xef\xbb\xbf<?xml version="1.0"?><svg>': 'SVG',
    '<SVG width="1">': 'SVG',
    '%PDF-1.4': 'PDF',
    'PK\x03\x04': 'ZIP',
    '<!doctype html><svg>': 'HTML',
  };
  for (const [text, name] of Object.entries(names)) assert.deepEqual(sniff(text), { kind: 'known', name });
});

test('anything else is unknown, also a head that is cut off', () => {
  for (const text of ['', '\xff', '\x89PN', 'RIFF\0\0\0\0WEB', 'ftyp', '\0\0\0\x08ftyp', 'GIF88a', 'hello']) {
    assert.deepEqual(sniff(text), { kind: 'unknown' });
  }
});
