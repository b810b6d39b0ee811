import type { AlignmentTemplate } from './packs.ts';
import type { Raster } from './raster.ts';
import type { Landmarks, Point } from './types.ts';

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

/** From chip to picture, both with pixel centres at whole numbers, as O-Net was taught to count. */
export function chipToPicture(landmarks: Landmarks, template: AlignmentTemplate): Similarity {
  const targets = template.map(([x, y]) => ({ x, y }));
  return inverse(fitSimilarity(landmarks, targets));
}

/** Up to this scale a bilinear sample sees nearly every pixel. */
const BILINEAR_UP_TO = 2.5;

/**
 * Cuts a square chip out of a raster: bilinear, black outside. Where a chip pixel covers more of the raster's, it is
 * the mean of 3x3 samples, spread evenly over it.
 *
 * @param toRaster from chip to raster pixels, centres at whole numbers
 */
export function warp(raster: Raster, toRaster: Similarity, sizePx: number): Raster {
  const chip = { width: sizePx, height: sizePx, data: new Uint8Array(sizePx * sizePx * 3) };
  const isBilinear = Math.hypot(toRaster.a, toRaster.b) <= BILINEAR_UP_TO;
  (isBilinear ? warpBilinear : warpMeans)(raster, toRaster, chip.data, sizePx);
  return chip;
}

function warpMeans(
  { width, height, data }: Raster,
  { a, b, x0, y0 }: Similarity,
  chip: Uint8Array,
  sizePx: number,
): void {
  const thirds = sizePx * 3;
  // Adding half a pixel makes the sample's pixel the whole part of its place.
  const startX = x0 + 0.5 - (a - b) / 3;
  const startY = y0 + 0.5 - (a + b) / 3;
  const sums = new Uint16Array(thirds);
  for (let fineRow = 0, to = 0; fineRow < thirds; fineRow++) {
    for (let fineColumn = 0, sum = 0; sum < thirds; sum += 3) {
      for (const end = fineColumn + 3; fineColumn < end; fineColumn++) {
        const x = startX + (a * fineColumn - b * fineRow) / 3;
        const y = startY + (b * fineColumn + a * fineRow) / 3;
        if (!(x >= 0 && y >= 0 && x < width && y < height)) continue;
        const from = ((y | 0) * width + (x | 0)) * 3;
        sums[sum]! += data[from]!;
        sums[sum + 1]! += data[from + 1]!;
        sums[sum + 2]! += data[from + 2]!;
      }
    }
    if (fineRow % 3 < 2) continue;
    for (let sum = 0; sum < thirds; sum++) chip[to++] = (sums[sum]! / 9 + 0.5) | 0;
    sums.fill(0);
  }
}

function warpBilinear(raster: Raster, { a, b, x0, y0 }: Similarity, chip: Uint8Array, sizePx: number): void {
  const { width, height, data } = raster;
  const rowBytes = width * 3;
  let to = 0;
  for (let row = 0; row < sizePx; row++) {
    for (let column = 0; column < sizePx; column++, to += 3) {
      const x = a * column - b * row + x0;
      const y = b * column + a * row + y0;
      if (!(x >= 0 && y >= 0 && x < width - 1 && y < height - 1)) {
        sampleAtEdge(raster, x, y, chip, to);
        continue;
      }
      // Whole numbers by bitwise or: a third of the time that Math.floor and the typed array's own rounding take.
      const left = x | 0;
      const top = y | 0;
      const w11 = (x - left) * (y - top);
      const w10 = y - top - w11;
      const w01 = x - left - w11;
      const w00 = 1 - (x - left) - w10;
      const upper = top * rowBytes + left * 3;
      const lower = upper + rowBytes;
      chip[to] =
        (w00 * data[upper]! + w01 * data[upper + 3]! + w10 * data[lower]! + w11 * data[lower + 3]! + 0.5) | 0;
      chip[to + 1] =
        (w00 * data[upper + 1]! +
          w01 * data[upper + 4]! +
          w10 * data[lower + 1]! +
          w11 * data[lower + 4]! +
          0.5) |
        0;
      chip[to + 2] =
        (w00 * data[upper + 2]! +
          w01 * data[upper + 5]! +
          w10 * data[lower + 2]! +
          w11 * data[lower + 5]! +
          0.5) |
        0;
    }
  }
}

/** As inside, but of the four neighbours those that don't exist are black. */
function sampleAtEdge(
  { width, height, data }: Raster,
  x: number,
  y: number,
  chip: Uint8Array,
  to: number,
): void {
  const left = Math.floor(x);
  const top = Math.floor(y);
  const sums = [0.5, 0.5, 0.5];
  for (const row of [top, top + 1]) {
    for (const column of [left, left + 1]) {
      if (row < 0 || column < 0 || row >= height || column >= width) continue;
      const weight = (1 - Math.abs(x - column)) * (1 - Math.abs(y - row));
      for (let channel = 0; channel < 3; channel++) {
        sums[channel]! += weight * data[(row * width + column) * 3 + channel]!;
      }
    }
  }
  chip.set(sums, to);
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
