import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import sharp from 'sharp';

import { plainJpegSize } from './jpeg-header.ts';

const picture = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: 'teal' } });

describe('plainJpegSize', () => {
  test('reads the size of any plain JPEG', async () => {
    for (const options of [{}, { progressive: true }, { chromaSubsampling: '4:4:4' }, { mozjpeg: true }]) {
      assert.deepEqual(plainJpegSize(await picture(301, 77).jpeg(options).toBuffer()), {
        width: 301,
        height: 77,
      });
    }
    assert.deepEqual(plainJpegSize(await picture(20, 9).greyscale().jpeg().toBuffer()), {
      width: 20,
      height: 9,
    });
  });

  test('leaves those with EXIF to the decoder, and what is no JPEG', async () => {
    assert.equal(
      plainJpegSize(await picture(20, 9).withMetadata({ orientation: 6 }).jpeg().toBuffer()),
      undefined,
    );
    assert.equal(plainJpegSize(await picture(20, 9).png().toBuffer()), undefined);
  });

  test('ends on any bytes, and reads none beyond them', async () => {
    const whole = await picture(20, 9).jpeg().toBuffer();
    const damages = fc.array(fc.record({ at: fc.nat(whole.length - 1), value: fc.nat(255) }), {
      maxLength: 20,
    });
    fc.assert(
      fc.property(damages, fc.nat(whole.length), (bytes, length) => {
        const damaged = Buffer.from(whole);
        for (const { at, value } of bytes) damaged[at] = value;
        const size = plainJpegSize(damaged.subarray(0, length));
        assert.ok(size === undefined || (size.width <= 0xffff && size.height <= 0xffff));
      }),
    );
  });
});
