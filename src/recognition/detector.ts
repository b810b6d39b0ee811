import { blend, type ScoredBox } from './boxes.ts';
import type { Runnable } from './model.ts';
import type { PictureTurns } from './network-turns.ts';
import type { Raster } from './raster.ts';
import { resampleInto } from './resampling.ts';

/** Scores run low (median 0.81), and O-Net sorts the false ones out. */
export const LEAST_SCORE = 0.3;
const BLEND_OVERLAP = 0.3;
/** Bounds the time that a picture of nothing but texture can take. */
const MOST_CANDIDATES = 300;
const VALUES_PER_BOX = 16;

const FULL_RANGE_STRIDE = 4;
/** The full-range network halves its picture five times, so its sides must be multiples of this. */
const FULL_RANGE_BLOCK = 32;
const SHORT_RANGE_SIDE = 128;

/** Where a box's offsets count from, in pixels of the network's input: x and y by turns. */
type Anchors = Float32Array;

interface InputSize {
  readonly width: number;
  readonly height: number;
}

/** What a network of one input size needs again for every picture. */
interface Workspace {
  readonly size: InputSize;
  readonly input: Float32Array;
  readonly anchors: Anchors;
}

/**
 * BlazeFace: boxes where faces may be. It looks at the whole picture, shrunk, so the size it is shrunk to decides which faces it
 * sees: small ones need a large size, and faces that fill a large one are missed.
 */
export class FaceDetector {
  readonly #fullRange: Runnable;
  readonly #shortRange: Runnable;
  readonly #workspaces = new Map<string, Workspace>();
  readonly #shortRangeWorkspace: Workspace;

  constructor(models: { fullRange: Runnable; shortRange: Runnable }) {
    this.#fullRange = models.fullRange;
    this.#shortRange = models.shortRange;
    const size = { width: SHORT_RANGE_SIDE, height: SHORT_RANGE_SIDE };
    this.#shortRangeWorkspace = workspaceFor(size, shortRangeAnchors());
  }

  /**
   * Candidates with a score above `leastScore`, best first.
   *
   * @param longSide what the picture's longer side is shrunk to, a multiple of 32
   */
  fullRange(
    picture: Raster,
    longSide: number,
    turns: PictureTurns,
    leastScore = LEAST_SCORE,
  ): Promise<ScoredBox[]> {
    const size = fullRangeSize(picture, longSide);
    const key = `${size.width}x${size.height}`;
    const workspace = this.#workspaces.get(key) ?? workspaceFor(size, fullRangeAnchors(size));
    this.#workspaces.set(key, workspace);
    const model = this.#fullRange;
    return turns.take(model, () => look(model, picture, workspace, leastScore));
  }

  /** For faces that fill the picture, which the full-range network was not made for. */
  shortRange(picture: Raster, turns: PictureTurns): Promise<ScoredBox[]> {
    const model = this.#shortRange;
    return turns.take(model, () => look(model, picture, this.#shortRangeWorkspace, LEAST_SCORE));
  }
}

async function look(
  model: Runnable,
  picture: Raster,
  { size, input, anchors }: Workspace,
  leastScore: number,
) {
  const placed = letterbox(picture, size, input);
  const outputs = await model.run('image', input, [1, 3, size.height, size.width]);
  const found = decodeBoxes(outputs.floats('boxes'), outputs.floats('scores'), anchors, leastScore);
  return blend(found, BLEND_OVERLAP)
    .slice(0, MOST_CANDIDATES)
    .map(({ box, score }) => ({
      box: {
        x: (box.x - placed.left) / placed.scaleX,
        y: (box.y - placed.top) / placed.scaleY,
        width: box.width / placed.scaleX,
        height: box.height / placed.scaleY,
      },
      score,
    }));
}

function workspaceFor(size: InputSize, anchors: Anchors): Workspace {
  return { size, input: new Float32Array(3 * size.width * size.height), anchors };
}

/**
 * The picture's proportions, up to the next whole block. A square would cost up to half as much again, and find less:
 * of 24 px faces in 640x480 pictures 6 in 40, against 15.
 */
function fullRangeSize({ width, height }: InputSize, longSide: number): InputSize {
  const scale = longSide / Math.max(width, height);
  const blocks = (side: number) => Math.max(1, Math.ceil((side * scale) / FULL_RANGE_BLOCK - 1e-6));
  return { width: blocks(width) * FULL_RANGE_BLOCK, height: blocks(height) * FULL_RANGE_BLOCK };
}

interface Placement {
  readonly left: number;
  readonly top: number;
  /** Pixels of the input per raster pixel. */
  readonly scaleX: number;
  readonly scaleY: number;
}

/** Draws the picture into the middle of the input, its proportions kept, black (-1) around it. */
export function letterbox(picture: Raster, size: InputSize, input: Float32Array): Placement {
  const scale = Math.min(size.width / picture.width, size.height / picture.height);
  const width = Math.max(1, Math.round(picture.width * scale));
  const height = Math.max(1, Math.round(picture.height * scale));
  const left = Math.floor((size.width - width) / 2);
  const top = Math.floor((size.height - height) / 2);
  if (width < size.width || height < size.height) input.fill(-1);
  resampleInto(
    picture,
    { x: 0, y: 0, width: picture.width, height: picture.height },
    {
      data: input,
      offset: top * size.width + left,
      rowStride: size.width,
      planeStride: size.width * size.height,
      width,
      height,
      mean: 127.5,
      scale: 127.5,
    },
  );
  return { left, top, scaleX: width / picture.width, scaleY: height / picture.height };
}

export function decodeBoxes(
  boxes: Float32Array,
  logits: Float32Array,
  anchors: Anchors,
  leastScore: number,
): ScoredBox[] {
  const leastLogit = Math.log(leastScore / (1 - leastScore));
  const found: ScoredBox[] = [];
  for (let index = 0; index < logits.length; index++) {
    const logit = logits[index]!;
    if (logit <= leastLogit) continue;
    const at = index * VALUES_PER_BOX;
    const width = boxes[at + 2]!;
    const height = boxes[at + 3]!;
    if (!(width > 0 && height > 0)) continue;
    const x = anchors[2 * index]! + boxes[at]! - width / 2;
    const y = anchors[2 * index + 1]! + boxes[at + 1]! - height / 2;
    found.push({ box: { x, y, width, height }, score: 1 / (1 + Math.exp(-Math.min(100, logit))) });
  }
  return found;
}

/** One anchor in the middle of each cell of 4x4 pixels. */
export function fullRangeAnchors(size: InputSize): Anchors {
  return gridAnchors(size, FULL_RANGE_STRIDE, 1);
}

/** Two anchors a cell of 8x8 pixels, then six a cell of 16x16. */
export function shortRangeAnchors(): Anchors {
  const size = { width: SHORT_RANGE_SIDE, height: SHORT_RANGE_SIDE };
  return Float32Array.of(...gridAnchors(size, 8, 2), ...gridAnchors(size, 16, 6));
}

function gridAnchors({ width, height }: InputSize, stride: number, perCell: number): Anchors {
  const anchors = new Float32Array((width / stride) * (height / stride) * perCell * 2);
  let to = 0;
  for (let y = stride / 2; y < height; y += stride) {
    for (let x = stride / 2; x < width; x += stride) {
      for (let again = 0; again < perCell; again++) {
        anchors[to++] = x;
        anchors[to++] = y;
      }
    }
  }
  return anchors;
}
