import type { Raster } from './raster.ts';
import type { FaceQuality, Landmarks } from './types.ts';

/** What `overall` is folded from; `embeddingNorm` is missing when only detection was asked for. */
export interface QualityFigures {
  readonly sizePx: number;
  readonly embeddingNorm: number | undefined;
  readonly landmarks: Landmarks;
  /** Upright, aligned, 112x112. */
  readonly chip: Raster;
}

export function assessQuality({ sizePx, embeddingNorm, landmarks, chip }: QualityFigures): FaceQuality {
  const yawDegrees = yawOf(landmarks);
  const sharpness = sharpnessOf(chip);
  const parts = [
    rise(sizePx, 12, 48),
    rise(sharpness, 5, 60),
    1 - rise(Math.abs(yawDegrees), 20, 70),
    ...(embeddingNorm === undefined ? [] : [rise(embeddingNorm, 40, 65)]),
  ];
  return {
    overall: parts.reduce((product, part) => product * part, 1) ** (1 / parts.length),
    sizePx,
    embeddingNorm: embeddingNorm ?? 0,
    yawDegrees,
    rollDegrees: rollOf(landmarks),
    sharpness,
  };
}

/** 0 below `from`, 1 above `to`, a straight line between. */
function rise(value: number, from: number, to: number): number {
  return Math.min(1, Math.max(0, (value - from) / (to - from)));
}

/** Degrees by which the line between the eyes falls to the picture's right. */
export function rollOf([leftEye, rightEye]: Landmarks): number {
  return degrees(Math.atan2(rightEye.y - leftEye.y, rightEye.x - leftEye.x));
}

/**
 * Degrees by which the head is turned, from how far the nose has moved along the line between the eyes, away from its middle:
 * a nose as long as half the distance of the eyes covers sin(yaw) of that half.
 */
export function yawOf([leftEye, rightEye, nose, leftMouth, rightMouth]: Landmarks): number {
  const along = { x: rightEye.x - leftEye.x, y: rightEye.y - leftEye.y };
  const span = Math.hypot(along.x, along.y) || 1;
  const middle = {
    x: (leftEye.x + rightEye.x + leftMouth.x + rightMouth.x) / 4,
    y: (leftEye.y + rightEye.y + leftMouth.y + rightMouth.y) / 4,
  };
  const moved = ((nose.x - middle.x) * along.x + (nose.y - middle.y) * along.y) / span;
  return degrees(Math.atan(moved / (span / 2)));
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
