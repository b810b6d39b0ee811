import sharp from 'sharp';
import { FaceChips, type FacePlace } from './chips.ts';
import { BadImageError } from './errors.ts';
import { decodePicture } from './image.ts';
import { ARCFACE_TEMPLATE } from './packs.ts';

/**
 * An enrolment crop is the ArcFace chip with 8 of its pixels more on every side, drawn a quarter larger: room enough for every
 * built-in template, dlib's reaching 6 px lower than ArcFace's.
 */
export const CROP_SIDE_PX = 160;
const MARGIN_PX = 8;
const ENLARGEMENT = CROP_SIDE_PX / (112 + 2 * MARGIN_PX);
const place = (at: number) => (at + 0.5 + MARGIN_PX) * ENLARGEMENT - 0.5;
const [LEFT_EYE, RIGHT_EYE, NOSE, LEFT_MOUTH, RIGHT_MOUTH] = ARCFACE_TEMPLATE.map(
  ([x, y]) => [place(x), place(y)] as const,
);
const TEMPLATE = [LEFT_EYE!, RIGHT_EYE!, NOSE!, LEFT_MOUTH!, RIGHT_MOUTH!] as const;
/** Where the box of a face lies in its crop, in the mean. */
const BOX = { x: 26, y: 14, width: 108, height: 132 };

/** A JPEG of a face that can be embedded again later, by any pack, when its picture is long gone. */
export async function makeCrop(chips: FaceChips): Promise<Buffer> {
  const { width, height, data } = chips.aligned(TEMPLATE, CROP_SIDE_PX);
  return await sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 95, chromaSubsampling: '4:4:4' })
    .toBuffer();
}

/** Rejects with BadImageError when it is no crop that `makeCrop` made. */
export async function chipsOfCrop(crop: Uint8Array): Promise<FaceChips> {
  const { raster } = await decodePicture(crop, { maxPixels: CROP_SIDE_PX * CROP_SIDE_PX });
  if (raster.width !== CROP_SIDE_PX || raster.height !== CROP_SIDE_PX) {
    throw new BadImageError(
      'corrupt',
      `The enrolment crop is ${raster.width} x ${raster.height}; expected ${CROP_SIDE_PX} x ${CROP_SIDE_PX}.`,
    );
  }
  return new FaceChips(raster, cropPlace());
}

function cropPlace(): FacePlace {
  const [a, b, c, d, e] = TEMPLATE.map(([x, y]) => ({ x, y }));
  return { box: BOX, landmarks: [a!, b!, c!, d!, e!] };
}
