/** 8-bit RGB, interleaved, rows from top to bottom without padding: `data.length === width * height * 3`. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** One size of a picture. `shrink` original raster pixels stand in a row in one of this level's. */
export interface PyramidLevel {
  readonly raster: Raster;
  readonly shrink: number;
}

/**
 * A raster and its halves, quarters … made when first asked for.
 *
 * Cutting a large face out of the level next above the wanted size keeps a plain bilinear or triangle filter free of
 * aliasing, and cheap: it never reads more than some four pixels for each one it writes.
 */
export class Pyramid {
  readonly #levels: PyramidLevel[];

  constructor(base: Raster) {
    this.#levels = [{ raster: base, shrink: 1 }];
  }

  get base(): Raster {
    return this.level(0).raster;
  }

  /** The coarsest level that still has at least one pixel for each wanted one; `sourcePerTarget` counts base pixels. */
  levelFor(sourcePerTarget: number): PyramidLevel {
    const wanted = Math.max(0, Math.floor(Math.log2(sourcePerTarget)));
    const smallestSide = Math.min(this.base.width, this.base.height);
    return this.level(Math.min(wanted, Math.floor(Math.log2(smallestSide))));
  }

  private level(index: number): PyramidLevel {
    const known = this.#levels[index];
    if (known !== undefined) return known;
    const finer = this.level(index - 1);
    const level = { raster: halve(finer.raster), shrink: finer.shrink * 2 };
    this.#levels[index] = level;
    return level;
  }
}

/** Means of 2x2 pixels; an odd last row or column is left out. */
export function halve({ width, height, data }: Raster): Raster {
  const halfWidth = width >> 1;
  const halfHeight = height >> 1;
  const half = new Uint8Array(halfWidth * halfHeight * 3);
  let to = 0;
  for (let row = 0; row < halfHeight; row++) {
    let upper = 2 * row * width * 3;
    let lower = upper + width * 3;
    for (let column = 0; column < halfWidth; column++) {
      half[to] = (data[upper]! + data[upper + 3]! + data[lower]! + data[lower + 3]! + 2) >> 2;
      half[to + 1] = (data[upper + 1]! + data[upper + 4]! + data[lower + 1]! + data[lower + 4]! + 2) >> 2;
      half[to + 2] = (data[upper + 2]! + data[upper + 5]! + data[lower + 2]! + data[lower + 5]! + 2) >> 2;
      upper += 6;
      lower += 6;
      to += 3;
    }
  }
  return { width: halfWidth, height: halfHeight, data: half };
}

/**
 * Turns a raster upright.
 *
 * @param orientation the EXIF tag, 1 to 8: how the stored rows and columns lie in the scene
 */
export function turnUpright(raster: Raster, orientation: number): Raster {
  const { width, height, data } = raster;
  const last = { x: width - 1, y: height - 1 };
  // Where the upright picture's first pixel is stored, and how far its next one to the right and downwards lie.
  const step = { x: 3, y: width * 3 };
  const walks: Record<number, { x: number; y: number; right: number; down: number }> = {
    2: { x: last.x, y: 0, right: -step.x, down: step.y },
    3: { x: last.x, y: last.y, right: -step.x, down: -step.y },
    4: { x: 0, y: last.y, right: step.x, down: -step.y },
    5: { x: 0, y: 0, right: step.y, down: step.x },
    6: { x: 0, y: last.y, right: -step.y, down: step.x },
    7: { x: last.x, y: last.y, right: -step.y, down: -step.x },
    8: { x: last.x, y: 0, right: step.y, down: -step.x },
  };
  const walk = walks[orientation];
  if (walk === undefined) return raster;
  const isTransposed = orientation >= 5;
  const upright = {
    width: isTransposed ? height : width,
    height: isTransposed ? width : height,
    data: new Uint8Array(data.length),
  };
  copyAlong(data, walk.x * step.x + walk.y * step.y, walk, upright);
  return upright;
}

function copyAlong(
  data: Uint8Array,
  start: number,
  { right, down }: { right: number; down: number },
  upright: Raster,
): void {
  let to = 0;
  for (let row = 0; row < upright.height; row++) {
    let from = start + row * down;
    for (let column = 0; column < upright.width; column++) {
      upright.data[to] = data[from]!;
      upright.data[to + 1] = data[from + 1]!;
      upright.data[to + 2] = data[from + 2]!;
      to += 3;
      from += right;
    }
  }
}
