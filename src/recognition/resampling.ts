import type { Raster } from './raster.ts';

/** A rectangle in raster pixels, fractions allowed; it may reach beyond the raster, where everything is black. */
export interface Region {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A rectangle of a planar (CHW) float tensor that a picture is drawn into. */
export interface PlanarTarget {
  readonly data: Float32Array;
  /** Index of the first plane's upper left value of the rectangle. */
  readonly offset: number;
  readonly rowStride: number;
  readonly planeStride: number;
  readonly width: number;
  readonly height: number;
  /** A pixel v is written as (v - mean) / scale. */
  readonly mean: number;
  readonly scale: number;
}

/** For each output pixel the run of input pixels it is the weighted mean of. */
interface Taps {
  readonly first: Int32Array;
  readonly count: Int32Array;
  /** `maxCount` weights an output pixel. Those of pixels outside the raster are missing, as black would add nothing. */
  readonly weights: Float32Array;
  readonly maxCount: number;
}

/**
 * Resizes a region of a raster into a tensor with a triangle filter: bilinear when enlarging, and widened by the scale when
 * shrinking, so that every input pixel counts.
 */
export function resampleInto(raster: Raster, region: Region, target: PlanarTarget): void {
  const columns = tapsFor(region.x, region.width, target.width, raster.width);
  const rows = tapsFor(region.y, region.height, target.height, raster.height);
  const rowLength = target.width * 3;
  const ring = new Float32Array(rows.maxCount * rowLength);
  const sums = new Float32Array(rowLength);
  let done = 0;
  for (let row = 0; row < target.height; row++) {
    const first = rows.first[row]!;
    const count = rows.count[row]!;
    for (let source = Math.max(first, done); source < first + count; source++) {
      resampleRow(raster, source, columns, ring, (source % rows.maxCount) * rowLength);
      done = source + 1;
    }
    sums.fill(0);
    for (let tap = 0; tap < count; tap++) {
      const weight = rows.weights[row * rows.maxCount + tap]!;
      const from = ((first + tap) % rows.maxCount) * rowLength;
      for (let i = 0; i < rowLength; i++) sums[i]! += weight * ring[from + i]!;
    }
    writeRow(sums, target, row);
  }
}

function resampleRow(raster: Raster, row: number, columns: Taps, to: Float32Array, offset: number): void {
  const { data } = raster;
  const { first, count, weights, maxCount } = columns;
  const start = row * raster.width * 3;
  for (let column = 0, out = offset; column < first.length; column++, out += 3) {
    let red = 0;
    let green = 0;
    let blue = 0;
    let from = start + first[column]! * 3;
    const firstWeight = column * maxCount;
    for (let tap = firstWeight; tap < firstWeight + count[column]!; tap++, from += 3) {
      const weight = weights[tap]!;
      red += weight * data[from]!;
      green += weight * data[from + 1]!;
      blue += weight * data[from + 2]!;
    }
    to[out] = red;
    to[out + 1] = green;
    to[out + 2] = blue;
  }
}

function writeRow(sums: Float32Array, target: PlanarTarget, row: number): void {
  const { data, planeStride, mean } = target;
  const gain = 1 / target.scale;
  let to = target.offset + row * target.rowStride;
  for (let column = 0; column < sums.length; column += 3, to++) {
    data[to] = (sums[column]! - mean) * gain;
    data[to + planeStride] = (sums[column + 1]! - mean) * gain;
    data[to + 2 * planeStride] = (sums[column + 2]! - mean) * gain;
  }
}

/** @param available pixels that there are, from 0 */
function tapsFor(start: number, length: number, targetLength: number, available: number): Taps {
  const scale = length / targetLength;
  const reach = Math.max(1, scale);
  const maxCount = Math.ceil(2 * reach) + 1;
  const taps = {
    first: new Int32Array(targetLength),
    count: new Int32Array(targetLength),
    weights: new Float32Array(targetLength * maxCount),
    maxCount,
  };
  for (let index = 0; index < targetLength; index++) {
    const centre = start + (index + 0.5) * scale - 0.5;
    const begin = Math.ceil(centre - reach);
    const end = Math.floor(centre + reach);
    let total = 0;
    for (let at = begin; at <= end; at++) total += 1 - Math.abs(at - centre) / reach;
    const first = Math.max(0, begin);
    const count = Math.max(0, Math.min(available - 1, end) - first + 1);
    taps.first[index] = first;
    taps.count[index] = count;
    for (let tap = 0; tap < count; tap++) {
      taps.weights[index * maxCount + tap] = (1 - Math.abs(first + tap - centre) / reach) / total;
    }
  }
  return taps;
}
