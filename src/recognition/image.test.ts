import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import sharp from 'sharp';

import { BadImageError, type BadImageReason } from './errors.ts';
import { PICTURE_FORMATS, type PictureFormat } from './format-sniffing.ts';
import { decodePicture, type Picture, WORKING_SIDE_PX } from './image.ts';

const MAX_PIXELS = 40e6;
const decode = (bytes: Uint8Array) => decodePicture(bytes, { maxPixels: MAX_PIXELS });

/** Four plain quarters, so that a turned, mirrored or discoloured picture is told from the right one. */
const QUARTERS = {
  topLeft: [200, 40, 40],
  topRight: [40, 200, 40],
  bottomLeft: [40, 40, 200],
  bottomRight: [120, 120, 120],
};

function quarters(width = 96, height = 64) {
  const quarter = ([r, g, b]: number[]) => ({
    create: {
      width: width / 2,
      height: height / 2,
      channels: 3 as const,
      background: { r: r!, g: g!, b: b! },
    },
  });
  return sharp({ create: { width, height, channels: 3, background: 'black' } }).composite([
    { input: quarter(QUARTERS.topLeft), left: 0, top: 0 },
    { input: quarter(QUARTERS.topRight), left: width / 2, top: 0 },
    { input: quarter(QUARTERS.bottomLeft), left: 0, top: height / 2 },
    { input: quarter(QUARTERS.bottomRight), left: width / 2, top: height / 2 },
  ]);
}

function pixel({ raster }: Picture, x: number, y: number): number[] {
  const at = (Math.floor(y * raster.height) * raster.width + Math.floor(x * raster.width)) * 3;
  return [...raster.data.subarray(at, at + 3)];
}

function assertQuarters(
  picture: Picture,
  expected: Record<keyof typeof QUARTERS, number[]> = QUARTERS,
  tolerance = 12,
) {
  const found = {
    topLeft: pixel(picture, 0.25, 0.25),
    topRight: pixel(picture, 0.75, 0.25),
    bottomLeft: pixel(picture, 0.25, 0.75),
    bottomRight: pixel(picture, 0.75, 0.75),
  };
  for (const [corner, colour] of Object.entries(expected)) {
    const seen = found[corner as keyof typeof QUARTERS];
    assert.ok(
      colour.every((value, channel) => Math.abs(value - seen[channel]!) <= tolerance),
      `${corner} is ${seen}, expected ${colour}`,
    );
  }
}

async function assertRefused(bytes: Uint8Array, reason: BadImageReason | readonly BadImageReason[]) {
  await assert.rejects(decode(bytes), (error) => {
    assert.ok(error instanceof BadImageError, String(error));
    assert.ok([reason].flat().includes(error.reason), `${error.reason}: ${error.message}`);
    return true;
  });
}

let png: Buffer;
before(async () => {
  png = await quarters().removeAlpha().png().toBuffer();
});

describe('decodePicture reads', () => {
  for (const format of PICTURE_FORMATS) {
    test(format, async () => {
      const picture = await decode(await sharp(png).toFormat(format).toBuffer());
      assert.deepEqual([picture.width, picture.height, picture.format], [96, 64, format]);
      assertQuarters(picture);
    });
  }

  for (let orientation = 1; orientation <= 8; orientation++) {
    test(`EXIF orientation ${orientation}, upright`, async () => {
      // What a camera held that way stores: the scene, taken through the inverse turn.
      const inverse: Record<number, number> = { 6: 8, 8: 6 };
      const turned = await sharp(png)
        .withMetadata({ orientation: inverse[orientation] ?? orientation })
        .png()
        .toBuffer();
      const stored = await sharp(turned).autoOrient().toBuffer();
      const bytes = await sharp(stored)
        .withMetadata({ orientation })
        .jpeg({ quality: 95, chromaSubsampling: '4:4:4' })
        .toBuffer();
      const picture = await decode(bytes);
      assert.deepEqual([picture.width, picture.height], [96, 64]);
      assert.deepEqual([picture.raster.width, picture.raster.height], [96, 64]);
      assertQuarters(picture);
    });
  }

  test('grey, as equal channels', async () => {
    for (const format of ['jpeg', 'png'] as const) {
      const picture = await decode(await sharp(png).greyscale().toFormat(format).toBuffer());
      const [red, green, blue] = pixel(picture, 0.25, 0.25);
      assert.ok(red === green && green === blue && red! > 60 && red! < 140);
    }
  });

  test('CMYK, as the colours it stands for', async () => {
    const picture = await decode(await sharp(png).toColourspace('cmyk').jpeg({ quality: 95 }).toBuffer());
    // Without a profile its inks are only roughly those colours.
    assertQuarters(picture, QUARTERS, 90);
  });

  test('16 bits a channel, rounded to 8', async () => {
    assertQuarters(await decode(await sharp(png).toColourspace('rgb16').png().toBuffer()));
  });

  test('transparency, on white', async () => {
    const clear = await sharp(png).ensureAlpha(0).png().toBuffer();
    assert.deepEqual(pixel(await decode(clear), 0.25, 0.25), [255, 255, 255]);
    const half = await sharp(png).greyscale().ensureAlpha(0.5).png().toBuffer();
    const [red] = pixel(await decode(half), 0.25, 0.25);
    assert.ok(red! > 150 && red! < 200);
  });

  test('animations, their first frame', async () => {
    const frames = [png, await sharp(png).negate().toBuffer()];
    for (const format of ['gif', 'webp'] as const) {
      const animation = await sharp(frames, { join: { animated: true } })
        .toFormat(format)
        .toBuffer();
      const picture = await decode(animation);
      assert.deepEqual([picture.width, picture.height], [96, 64]);
      assertQuarters(picture);
    }
  });

  test('palettes and progressive JPEGs', async () => {
    assertQuarters(await decode(await sharp(png).png({ palette: true }).toBuffer()));
    assertQuarters(
      await decode(
        await sharp(png).jpeg({ progressive: true, quality: 95, chromaSubsampling: '4:4:4' }).toBuffer(),
      ),
    );
  });

  test('a single pixel', async () => {
    const picture = await decode(await sharp(png).resize(1, 1).png().toBuffer());
    assert.deepEqual([picture.width, picture.height, picture.raster.data.length], [1, 1, 3]);
  });

  test('large pictures at a bounded size, and says how much it shrank them', async () => {
    const picture = await decode(await quarters(4000, 3000).jpeg().toBuffer());
    assert.deepEqual([picture.width, picture.height], [4000, 3000]);
    assert.equal(picture.raster.width, WORKING_SIDE_PX);
    assert.ok(Math.abs(picture.shrink - 4000 / WORKING_SIDE_PX) < 1e-6);
    assertQuarters(picture);
  });
});

describe('decodePicture refuses', () => {
  test('zero bytes', () => assertRefused(new Uint8Array(0), 'empty'));

  test('text, whatever it is called', () => assertRefused(Buffer.from('id,name\n1,Ada\n'), 'not-a-picture'));

  test('formats that it knows but does not read, by name', async () => {
    const svg =
      '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>';
    for (const text of [
      svg,
      `<?xml version="1.0"?>\n<!-- drawn -->\n${svg}`,
      '%PDF-1.7\n',
      'BM\x00\x00\x00\x00\0\0\0\0',
    ]) {
      await assertRefused(Buffer.from(text, 'latin1'), 'format');
    }
  });

  test('one pixel more than the limit, without decoding it', async () => {
    const wide = (width: number) =>
      sharp({ create: { width, height: 100, channels: 3, background: 'grey' } })
        .png()
        .toBuffer();
    const limits = { maxPixels: 20_000 };
    assert.equal((await decodePicture(await wide(200), limits)).width, 200);
    await assert.rejects(decodePicture(await wide(201), limits), { reason: 'too-large' });
  });

  test('40 megapixels and one row', async () => {
    const bomb = await sharp({ create: { width: 8000, height: 5001, channels: 3, background: 'grey' } })
      .png({ compressionLevel: 1 })
      .toBuffer();
    await assertRefused(bomb, 'too-large');
  });

  for (const format of PICTURE_FORMATS) {
    test(`a ${format} cut off at every hundredth of its length`, async () => {
      const whole = await encodedNoise(format);
      for (let percent = 1; percent < 100; percent++) {
        const cut = whole.subarray(0, Math.floor((whole.length * percent) / 100));
        await assertRefused(cut, ['truncated', 'corrupt', 'not-a-picture']);
      }
    });
  }
});

/** Noise compresses badly, so the pixels make up nearly all of the file. */
async function encodedNoise(format: PictureFormat): Promise<Buffer> {
  return await sharp({
    create: {
      width: 64,
      height: 48,
      channels: 3,
      background: 'grey',
      noise: { type: 'gaussian', mean: 128, sigma: 50 },
    },
  })
    .toFormat(format)
    .toBuffer();
}
