import type { Raster } from './raster.ts';
import type { FaceQuality, Landmarks } from './types.ts';

export interface QualityFigures {
  readonly sizePx: number;
  /** Of MobileFaceNet's raw output; missing when another network embedded the face, or none. */
  readonly embeddingNorm: number | undefined;
  readonly landmarks: Landmarks;
  /** Upright, aligned, 112x112. */
  readonly chip: Raster;
}

export function assessQuality({ sizePx, embeddingNorm, landmarks, chip }: QualityFigures): FaceQuality {
  const yawDegrees = yawOf(landmarks);
  const sharpness = sharpnessOf(chip);
  return {
    overall: overallOf({ sizePx, embeddingNorm, yawDegrees, sharpness }),
    sizePx,
    embeddingNorm: embeddingNorm ?? 0,
    yawDegrees,
    rollDegrees: rollOf(landmarks),
    sharpness,
  };
}

/** Larger and sharper than this makes no difference that was measured. */
const ENOUGH_PX = 80;
const ENOUGH_SHARPNESS = 300;
/** Up to here turning costs nothing (it shows in the norm); beyond the measured range it is taken to, down to a profile. */
const FRONTAL_DEGREES = 35;
const PROFILE_DEGREES = 75;

/**
 * A logistic fit to which of 5,900 faces matched another picture of their person, enrolled at full size, at a false match rate
 * of 1e-4 (pack `fast`, Labeled Faces in the Wild, shrunk to between 12 and 95 px, sharp and blurred). Of those that it gives
 *
 * | overall | below 0.1 | 0.1-0.3 | 0.3-0.5 | 0.5-0.7 | 0.7-0.9 | 0.9-0.97 | above |
 * |---------|-----------|---------|---------|---------|---------|----------|-------|
 * | matched |       4 % |    17 % |    40 % |    63 % |    85 % |     93 % |  97 % |
 *
 * The norm tells most (area under the curve 0.87 by itself, 0.89 with the others, 0.84 without it). Other packs and people have
 * other figures, so take it for an order, not for a probability.
 */
export function overallOf({
  sizePx,
  embeddingNorm,
  yawDegrees,
  sharpness,
}: Pick<QualityFigures, 'sizePx' | 'embeddingNorm'> & { yawDegrees: number; sharpness: number }): number {
  const size = Math.log(clamp(sizePx, 1, ENOUGH_PX));
  const sharp = Math.log(clamp(sharpness, 1, ENOUGH_SHARPNESS));
  const logit =
    embeddingNorm === undefined
      ? -7.03 + 1.131 * size + 1.275 * sharp
      : -13.47 + 0.678 * size + 0.595 * sharp + 0.1717 * embeddingNorm;
  const turned = (Math.abs(yawDegrees) - FRONTAL_DEGREES) / (PROFILE_DEGREES - FRONTAL_DEGREES);
  return (1 - clamp(turned, 0, 1)) / (1 + Math.exp(-logit));
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}

/** Degrees by which the line between the eyes falls to the picture's right. */
export function rollOf([leftEye, rightEye]: Landmarks): number {
  return degrees(Math.atan2(rightEye.y - leftEye.y, rightEye.x - leftEye.x));
}

/** How far the tip of the nose stands out before eyes and mouth, in halves of the distance between the eyes. */
const NOSE_DEPTH = 0.85;

/**
 * Degrees by which the head is turned to the picture's right, from how far the nose has moved away from the middle of eyes and
 * mouth: turning by yaw moves it by depth · sin(yaw), and shortens the half distance of the eyes to cos(yaw).
 */
export function yawOf([leftEye, rightEye, nose, leftMouth, rightMouth]: Landmarks): number {
  const along = { x: rightEye.x - leftEye.x, y: rightEye.y - leftEye.y };
  const span = Math.hypot(along.x, along.y) || 1;
  const middle = {
    x: (leftEye.x + rightEye.x + leftMouth.x + rightMouth.x) / 4,
    y: (leftEye.y + rightEye.y + leftMouth.y + rightMouth.y) / 4,
  };
  const moved = ((nose.x - middle.x) * along.x + (nose.y - middle.y) * along.y) / span;
  return degrees(Math.atan(moved / ((NOSE_DEPTH * span) / 2)));
}

/** Variance of the Laplacian of the grey picture. */
export function sharpnessOf({ width, height, data }: Raster): number {
  const grey = new Float32Array(width * height);
  for (let at = 0, from = 0; at < grey.length; at++, from += 3) {
    grey[at] = 0.299 * data[from]! + 0.587 * data[from + 1]! + 0.114 * data[from + 2]!;
  }
  let sum = 0;
  let squares = 0;
  for (let row = 1; row < height - 1; row++) {
    for (let at = row * width + 1; at < (row + 1) * width - 1; at++) {
      const laplacian = grey[at - width]! + grey[at - 1]! + grey[at + 1]! + grey[at + width]! - 4 * grey[at]!;
      sum += laplacian;
      squares += laplacian * laplacian;
    }
  }
  const count = Math.max(1, (width - 2) * (height - 2));
  return squares / count - (sum / count) ** 2;
}

function degrees(radians: number): number {
  return (radians * 180) / Math.PI;
}
