/** 8-bit RGB, interleaved, rows from top to bottom without padding: `data.length === width * height * 3`. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/**
 * Gives a raster's memory back at once; its data is empty afterwards. Left to the garbage collector, which sees only small
 * handles to large buffers, decoded pictures pile up to some hundred megabytes.
 */
export function discard({ data }: Raster): void {
  const { buffer } = data;
  if (buffer instanceof ArrayBuffer && data.byteLength === buffer.byteLength) buffer.transfer(0);
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
