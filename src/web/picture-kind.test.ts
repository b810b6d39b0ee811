import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';

import { looksLikePicture } from './picture-kind.ts';

test('all that the recogniser reads looks like a picture', async () => {
  const canvas = sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } });
  for (const format of ['jpeg', 'png', 'webp', 'avif', 'gif', 'tiff'] as const) {
    assert.ok(looksLikePicture(await canvas.clone().toFormat(format).toBuffer()), format);
  }
});

test('what is none does not', () => {
  for (const text of [
    '',
    'h',
    'hello',
    '<svg xmlns="x"/>',
    '%PDF-1.7',
    'RIFF0000WAVE',
    'PK\x03\x04',
    '\xff\xd8',
  ]) {
    assert.ok(!looksLikePicture(Buffer.from(text, 'latin1')), text);
  }
});
