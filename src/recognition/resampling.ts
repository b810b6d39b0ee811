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

/** One bilinear sample a pixel sees every pixel of a picture that is shrunk up to this much. */
const BILINEAR_UP_TO = 1.5;

/**
 * Resizes a region of a raster into a tensor: bilinear up to half the size; below, each pixel is the mean of 2x2 samples spread
 * over its area, whose cost does not grow with the picture.
 */
export function resampleInto(raster: Raster, region: Region, target: PlanarTarget): void {
  const scale = Math.max(region.width / target.width, region.height / target.height);
  if (scale <= BILINEAR_UP_TO) resampleBilinear(raster, region, target);
  else resampleMeans(raster, region, target);
}

/** For each output column or row the two neighbours that it lies between; one outside the raster weighs nothing. */
interface Neighbours {
  readonly near: Int32Array;
  readonly far: Int32Array;
  readonly nearWeight: Float64Array;
  readonly farWeight: Float64Array;
}

function resampleBilinear(raster: Raster, region: Region, target: PlanarTarget): void {
  const { data: pixels } = raster;
  const { data, width, height, planeStride, mean } = target;
  const gain = 1 / target.scale;
  const columns = neighbours(region.x, region.width / width, width, raster.width, 3);
  const rows = neighbours(region.y, region.height / height, height, raster.height, raster.width * 3);
  for (let row = 0; row < height; row++) {
    const upper = rows.near[row]!;
    const lower = rows.far[row]!;
    const upperWeight = rows.nearWeight[row]! * gain;
    const lowerWeight = rows.farWeight[row]! * gain;
    let to = target.offset + row * target.rowStride;
    for (let column = 0; column < width; column++, to++) {
      const left = columns.near[column]!;
      const right = columns.far[column]!;
      const leftWeight = columns.nearWeight[column]!;
      const rightWeight = columns.farWeight[column]!;
      const w00 = upperWeight * leftWeight;
      const w01 = upperWeight * rightWeight;
      const w10 = lowerWeight * leftWeight;
      const w11 = lowerWeight * rightWeight;
      const at00 = upper + left;
      const at01 = upper + right;
      const at10 = lower + left;
      const at11 = lower + right;
      data[to] =
        w00 * pixels[at00]! + w01 * pixels[at01]! + w10 * pixels[at10]! + w11 * pixels[at11]! - mean * gain;
      data[to + planeStride] =
        w00 * pixels[at00 + 1]! +
        w01 * pixels[at01 + 1]! +
        w10 * pixels[at10 + 1]! +
        w11 * pixels[at11 + 1]! -
        mean * gain;
      data[to + 2 * planeStride] =
        w00 * pixels[at00 + 2]! +
        w01 * pixels[at01 + 2]! +
        w10 * pixels[at10 + 2]! +
        w11 * pixels[at11 + 2]! -
        mean * gain;
    }
  }
}

/** @param stride bytes from one to the next */
function neighbours(
  start: number,
  scale: number,
  count: number,
  available: number,
  stride: number,
): Neighbours {
  const near = new Int32Array(count);
  const far = new Int32Array(count);
  const nearWeight = new Float64Array(count);
  const farWeight = new Float64Array(count);
  for (let index = 0; index < count; index++) {
    const at = start + (index + 0.5) * scale - 0.5;
    const first = Math.floor(at);
    const fraction = at - first;
    if (first >= 0 && first < available) {
      near[index] = first * stride;
      nearWeight[index] = 1 - fraction;
    }
    if (first + 1 >= 0 && first + 1 < available) {
      far[index] = (first + 1) * stride;
      farWeight[index] = fraction;
    }
  }
  return { near, far, nearWeight, farWeight };
}

function resampleMeans(raster: Raster, region: Region, target: PlanarTarget): void {
  const { data, width, height, planeStride, mean, scale } = target;
  const columns = sampleOffsets(region.x, region.width / width, width, raster.width, 3);
  const rows = sampleOffsets(region.y, region.height / height, height, raster.height, raster.width * 3);
  const gain = 1 / (4 * scale);
  const shift = mean / scale;
  for (let row = 0; row < height; row++) {
    const start = target.offset + row * target.rowStride;
    for (let plane = 0; plane < 3; plane++) {
      data.fill(-shift, start + plane * planeStride, start + plane * planeStride + width);
    }
    if (row < rows.first || row >= rows.end) continue;
    addMeans(raster.data, { columns, rows, row }, data, { start, planeStride, gain, shift });
  }
}

/** One row. Written out, as loops over the samples take three times as long. */
function addMeans(
  pixels: Uint8Array,
  { columns, rows, row }: { columns: SampleOffsets; rows: SampleOffsets; row: number },
  data: Float32Array,
  { start, planeStride, gain, shift }: { start: number; planeStride: number; gain: number; shift: number },
): void {
  const upper = rows.offsets[2 * row]!;
  const lower = rows.offsets[2 * row + 1]!;
  for (let column = columns.first, to = start + column; column < columns.end; column++, to++) {
    const left = columns.offsets[2 * column]!;
    const right = columns.offsets[2 * column + 1]!;
    const at00 = upper + left;
    const at01 = upper + right;
    const at10 = lower + left;
    const at11 = lower + right;
    const red = pixels[at00]! + pixels[at01]! + pixels[at10]! + pixels[at11]!;
    const green = pixels[at00 + 1]! + pixels[at01 + 1]! + pixels[at10 + 1]! + pixels[at11 + 1]!;
    const blue = pixels[at00 + 2]! + pixels[at01 + 2]! + pixels[at10 + 2]! + pixels[at11 + 2]!;
    data[to] = red * gain - shift;
    data[to + planeStride] = green * gain - shift;
    data[to + 2 * planeStride] = blue * gain - shift;
  }
}

/** For each output column or row two samples, and which of them have their middle inside the raster. */
interface SampleOffsets {
  readonly offsets: Int32Array;
  readonly first: number;
  readonly end: number;
}

/** @param stride bytes from one pixel to the next */
function sampleOffsets(
  start: number,
  scale: number,
  count: number,
  available: number,
  stride: number,
): SampleOffsets {
  const offsets = new Int32Array(2 * count);
  let first = count;
  let end = 0;
  for (let index = 0; index < count; index++) {
    const middle = start + (index + 0.5) * scale;
    if (middle < 0 || middle >= available) continue;
    first = Math.min(first, index);
    end = index + 1;
    // On the border between two pixels each takes the outer one: both the same way would shift the picture.
    const left = Math.ceil(middle - scale / 4) - 1;
    const right = Math.floor(middle + scale / 4);
    offsets[2 * index] = Math.max(0, left) * stride;
    offsets[2 * index + 1] = Math.min(available - 1, right) * stride;
  }
  return { offsets, first, end };
}
