import type { Raster } from './raster.ts';
import type { Landmarks, Point } from './types.ts';

/** Where left eye, right eye, nose, left and right mouth corner belong in a chip: x, y with pixel centres at whole numbers. */
export type Template = readonly (readonly [x: number, y: number])[];

/** x' = a·x - b·y + x0, y' = b·x + a·y + y0: turns, scales and shifts, and keeps angles. */
export interface Similarity {
  readonly a: number;
  readonly b: number;
  readonly x0: number;
  readonly y0: number;
}

/**
 * The similarity that takes points to targets with the least sum of squared distances (Umeyama 1991; in the plane and
 * without reflection it has this closed form).
 */
export function fitSimilarity(points: readonly Point[], targets: readonly Point[]): Similarity {
  const from = meanOf(points);
  const to = meanOf(targets);
  let along = 0;
  let across = 0;
  let spread = 0;
  for (const [index, point] of points.entries()) {
    const target = targets[index]!;
    const px = point.x - from.x;
    const py = point.y - from.y;
    const qx = target.x - to.x;
    const qy = target.y - to.y;
    along += px * qx + py * qy;
    across += px * qy - py * qx;
    spread += px * px + py * py;
  }
  // All points in one place fix no turn and no scale.
  const a = spread === 0 ? 1 : along / spread;
  const b = spread === 0 ? 0 : across / spread;
  return { a, b, x0: to.x - a * from.x + b * from.y, y0: to.y - b * from.x - a * from.y };
}

export function inverse({ a, b, x0, y0 }: Similarity): Similarity {
  const determinant = a * a + b * b;
  const ia = a / determinant;
  const ib = -b / determinant;
  return { a: ia, b: ib, x0: -ia * x0 + ib * y0, y0: -ib * x0 - ia * y0 };
}

/** From chip to picture, both with pixel centres at whole numbers. */
export function chipToPicture(landmarks: Landmarks, template: Template): Similarity {
  const targets = template.map(([x, y]) => ({ x, y }));
  return inverse(fitSimilarity(landmarks, targets));
}

/**
 * Cuts a square chip out of a raster: bilinear, black outside.
 *
 * @param toRaster from chip to raster pixels, centres at whole numbers
 */
export function warp(raster: Raster, toRaster: Similarity, sizePx: number): Raster {
  const chip = { width: sizePx, height: sizePx, data: new Uint8Array(sizePx * sizePx * 3) };
  const { a, b, x0, y0 } = toRaster;
  let to = 0;
  for (let row = 0; row < sizePx; row++) {
    for (let column = 0; column < sizePx; column++, to += 3) {
      sampleBilinear(raster, a * column - b * row + x0, b * column + a * row + y0, chip.data, to);
    }
  }
  return chip;
}

function sampleBilinear(raster: Raster, x: number, y: number, chip: Uint8Array, to: number): void {
  const { width, height, data } = raster;
  const left = Math.floor(x);
  const top = Math.floor(y);
  if (left < -1 || top < -1 || left >= width || top >= height) return;
  const fx = x - left;
  const fy = y - top;
  const hasLeft = left >= 0 ? 1 : 0;
  const hasRight = left + 1 < width ? 1 : 0;
  const hasTop = top >= 0 ? 1 : 0;
  const hasBottom = top + 1 < height ? 1 : 0;
  const weight00 = (1 - fx) * (1 - fy) * hasLeft * hasTop;
  const weight01 = fx * (1 - fy) * hasRight * hasTop;
  const weight10 = (1 - fx) * fy * hasLeft * hasBottom;
  const weight11 = fx * fy * hasRight * hasBottom;
  // A neighbour outside has weight 0, so any index inside will do for it.
  const upper = (hasTop === 1 ? top : 0) * width;
  const lower = (hasBottom === 1 ? top + 1 : 0) * width;
  const near = hasLeft === 1 ? left : 0;
  const far = hasRight === 1 ? left + 1 : 0;
  const at00 = (upper + near) * 3;
  const at01 = (upper + far) * 3;
  const at10 = (lower + near) * 3;
  const at11 = (lower + far) * 3;
  for (let channel = 0; channel < 3; channel++) {
    chip[to + channel] =
      weight00 * data[at00 + channel]! +
      weight01 * data[at01 + channel]! +
      weight10 * data[at10 + channel]! +
      weight11 * data[at11 + channel]! +
      0.5;
  }
}

function meanOf(points: readonly Point[]): Point {
  let x = 0;
  let y = 0;
  for (const point of points) {
    x += point.x;
    y += point.y;
  }
  return { x: x / points.length, y: y / points.length };
}
