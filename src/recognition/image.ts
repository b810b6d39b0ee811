import sharp from 'sharp';
import { BadImageError } from './errors.ts';
import { PICTURE_FORMATS, type PictureFormat, sniffFormat } from './format-sniffing.ts';
import { plainJpegSize } from './jpeg-header.ts';
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
  const header = plainHeader(format, bytes) ?? (await orBadImage(format, readHeader(bytes)));
  requireWithinLimits(header, format, limits);
  const { data, info } = await orBadImage(format, decode(bytes, format, header, limits));
  const stored = { width: info.width, height: info.height, data };
  const raster = turnUpright(stored, header.orientation);
  if (raster !== stored) discard(stored);
  const isTransposed = header.orientation >= 5;
  const [width, height] = isTransposed ? [header.height, header.width] : [header.width, header.height];
  return {
    width,
    height,
    format,
    raster,
    shrink: Math.max(width, height) / Math.max(raster.width, raster.height),
  };
}

/** As stored, before it is turned upright. */
interface Header {
  readonly width: number;
  readonly height: number;
  /** EXIF, 1 to 8. */
  readonly orientation: number;
  readonly hasAlpha: boolean;
}

function plainHeader(format: PictureFormat, bytes: Uint8Array): Header | undefined {
  const size = format === 'jpeg' ? plainJpegSize(bytes) : undefined;
  return size && { ...size, orientation: 1, hasAlpha: false };
}

async function readHeader(bytes: Uint8Array): Promise<Header> {
  // The limit is checked afterwards, with a better message.
  const metadata = await sharp(bytes, { limitInputPixels: false }).metadata();
  const { width, height, orientation = 1, hasAlpha } = metadata;
  // A GIF's first frame may leave holes although its header tells of no transparency.
  return { width, height, orientation, hasAlpha: hasAlpha || metadata.format === 'gif' };
}

/** The orientation is applied afterwards, by `turnUpright`: here it would come before the shrinking, at four times the cost. */
function decode(
  bytes: Uint8Array,
  format: PictureFormat,
  { width, height, hasAlpha }: Header,
  limits: DecodeLimits,
) {
  let output = sharp(bytes, {
    // To libtiff a TIFF of JPEG tiles that ends too early is an error, no truncation.
    failOn: format === 'tiff' ? 'error' : 'truncated',
    limitInputPixels: Math.floor(limits.maxPixels),
    sequentialRead: true,
  });
  if (Math.max(width, height) > WORKING_SIDE_PX) {
    output = output.resize({
      width: WORKING_SIDE_PX,
      height: WORKING_SIDE_PX,
      fit: 'inside',
      kernel: 'linear',
    });
  }
  if (hasAlpha) output = output.flatten({ background: 'white' });
  return output
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .timeout({ seconds: DECODE_SECONDS })
    .toBuffer({ resolveWithObject: true });
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

function requireWithinLimits({ width, height }: Header, format: PictureFormat, { maxPixels }: DecodeLimits) {
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
