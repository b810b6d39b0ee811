import sharp from 'sharp';
import { cutAligned, type FacePlace } from './embedder.ts';
import { BadImageError } from './errors.ts';
import { decodePicture } from './image.ts';
import { ARCFACE_TEMPLATE } from './packs.ts';
import { Pyramid } from './raster.ts';
import type { Landmarks } from './types.ts';

/**
 * An enrolment crop is the ArcFace chip with 8 of its pixels more on every side, drawn a quarter larger: room enough for every
 * built-in template, dlib's reaching 6 px lower than ArcFace's.
 */
export const CROP_SIDE_PX = 160;
const MARGIN_PX = 8;
const ENLARGEMENT = CROP_SIDE_PX / (112 + 2 * MARGIN_PX);
const TEMPLATE = ARCFACE_TEMPLATE.map(
  ([x, y]) => [(x + 0.5 + MARGIN_PX) * ENLARGEMENT - 0.5, (y + 0.5 + MARGIN_PX) * ENLARGEMENT - 0.5] as const,
);

export async function makeCrop(picture: Pyramid, landmarks: Landmarks): Promise<Buffer> {
  const { width, height, data } = cutAligned(picture, landmarks, TEMPLATE, CROP_SIDE_PX);
  return await sharp(data, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 95, chromaSubsampling: '4:4:4' })
    .toBuffer();
}

/** Where the face lies in every crop. */
export function cropPlace(): FacePlace {
  const [leftEye, rightEye, nose, leftMouth, rightMouth] = TEMPLATE.map(([x, y]) => ({
    x: x + 0.5,
    y: y + 0.5,
  }));
  return {
    landmarks: [leftEye!, rightEye!, nose!, leftMouth!, rightMouth!],
    box: { x: 26, y: 14, width: 108, height: 132 },
  };
}

export async function pictureOfCrop(crop: Uint8Array): Promise<Pyramid> {
  const { raster } = await decodePicture(crop, { maxPixels: CROP_SIDE_PX * CROP_SIDE_PX });
  if (raster.width === CROP_SIDE_PX && raster.height === CROP_SIDE_PX) return new Pyramid(raster);
  throw new BadImageError(
    'corrupt',
    `The enrolment crop is ${raster.width} x ${raster.height}; expected ${CROP_SIDE_PX} x ${CROP_SIDE_PX}.`,
  );
}
