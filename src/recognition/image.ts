import sharp, { type Metadata, type Sharp } from 'sharp';
import { BadImageError } from './errors.ts';
import { PICTURE_FORMATS, type PictureFormat, sniffFormat } from './format-sniffing.ts';
import { discard, type Raster, turnUpright } from './raster.ts';

// Pictures are decoded side by side, which its own threads would only disturb; its cache would keep what is never asked for again.
sharp.concurrency(1);
sharp.cache(false);

export const DEFAULT_MAX_PIXELS = 40e6;

/**
 * Longest side of what faces are looked for in and cut from. A face that a 384 px pass finds takes at least some 3 % of the
 * long side: 60 px here, and beyond 56 px more pixels bring no further true matches. Decoding 12 MP to this size takes half
 * the time and a quarter of the memory of decoding it in full.
 */
export const WORKING_SIDE_PX = 2048;

/** Files can be made to take minutes; honest ones of 40 megapixels take a second. */
const DECODE_SECONDS = 20;

export interface Picture {
  /** Of the upright original. */
  readonly width: number;
  readonly height: number;
  readonly format: PictureFormat;
  /** Upright, no side longer than `WORKING_SIDE_PX`. */
  readonly raster: Raster;
  /** Original pixels per raster pixel, at least 1. */
  readonly shrink: number;
}

export interface DecodeLimits {
  readonly maxPixels: number;
}

/**
 * Decodes jpeg, png, webp, avif, gif or tiff into upright 8-bit sRGB: the first frame, transparency on white (as a web page
 * shows it). Rejects with BadImageError when the bytes are anything else, are cut off, or hold more than `maxPixels`.
 */
export async function decodePicture(bytes: Uint8Array, limits: DecodeLimits): Promise<Picture> {
  const format = requireReadable(bytes);
  // The limit is ours to check, with a better message. A TIFF of JPEG tiles that ends too early is an error to libtiff, no truncation.
  const failOn = format === 'tiff' ? 'error' : 'truncated';
  const input = sharp(bytes, { failOn, limitInputPixels: false, sequentialRead: true });
  const metadata = await orBadImage(format, input.metadata());
  requireWithinLimits(metadata, format, limits);
  const { data, info } = await orBadImage(
    format,
    rgbOf(input, metadata).toBuffer({ resolveWithObject: true }),
  );
  const stored = { width: info.width, height: info.height, data };
  const raster = turnUpright(stored, metadata.orientation ?? 1);
  if (raster !== stored) discard(stored);
  const isTransposed = (metadata.orientation ?? 1) >= 5;
  const [width, height] = isTransposed
    ? [metadata.height, metadata.width]
    : [metadata.width, metadata.height];
  return {
    width,
    height,
    format,
    raster,
    shrink: Math.max(width, height) / Math.max(raster.width, raster.height),
  };
}

/** Orientation is applied afterwards by `turnUpright`: applied here, it would come before the shrinking, at four times the cost. */
function rgbOf(input: Sharp, metadata: Metadata): Sharp {
  const longSide = Math.max(metadata.width, metadata.height);
  let output = input;
  if (longSide > WORKING_SIDE_PX) {
    output = output.resize({
      width: WORKING_SIDE_PX,
      height: WORKING_SIDE_PX,
      fit: 'inside',
      kernel: 'linear',
    });
  }
  if (metadata.hasAlpha || metadata.format === 'gif') output = output.flatten({ background: 'white' });
  return output.toColourspace('srgb').raw({ depth: 'uchar' }).timeout({ seconds: DECODE_SECONDS });
}

function requireReadable(bytes: Uint8Array): PictureFormat {
  const expected = `expected one of ${PICTURE_FORMATS.join(', ')}`;
  if (bytes.byteLength === 0) throw new BadImageError('empty', `The picture has zero bytes; ${expected}.`);
  const sniffed = sniffFormat(bytes);
  switch (sniffed.kind) {
    case 'readable':
      return sniffed.format;
    case 'known':
      throw new BadImageError('format', `The file is ${sniffed.name}, which is not read here; ${expected}.`);
    case 'unknown':
      throw new BadImageError(
        'not-a-picture',
        `The ${bytes.byteLength} bytes do not start like a picture; ${expected}.`,
      );
  }
}

function requireWithinLimits(
  { width, height }: Metadata,
  format: PictureFormat,
  { maxPixels }: DecodeLimits,
) {
  if (width * height <= maxPixels) return;
  throw new BadImageError(
    'too-large',
    `The ${format} holds ${width} x ${height} = ${width * height} pixels; expected at most ${maxPixels}.`,
  );
}

/** What decoders say about bytes that end too early. */
const ENDS_TOO_EARLY =
  /premature|unexpected end|end of (file|data|gif)|truncat|unable to parse|bad seek|read error|not enough|short read|read gave/i;

async function orBadImage<T>(format: PictureFormat, decoding: Promise<T>): Promise<T> {
  try {
    return await decoding;
  } catch (error) {
    const said = (error instanceof Error ? error.message : String(error)).split('\n').at(-1)?.trim() ?? '';
    if (ENDS_TOO_EARLY.test(String(error))) {
      throw new BadImageError('truncated', `The ${format} ends too early (${said}); expected a whole file.`, {
        cause: error,
      });
    }
    throw new BadImageError('corrupt', `The ${format} cannot be decoded (${said}).`, { cause: error });
  }
}
