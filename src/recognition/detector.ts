import { blend, type ScoredBox } from './boxes.ts';
import type { Model } from './model.ts';
import type { Pyramid } from './raster.ts';
import { resampleInto } from './resampling.ts';

/** Scores run low (median 0.81), and O-Net sorts the false ones out. */
const LEAST_SCORE = 0.3;
const LEAST_LOGIT = Math.log(LEAST_SCORE / (1 - LEAST_SCORE));
const BLEND_OVERLAP = 0.3;
/** Bounds the time that a picture of nothing but texture can take. */
const MOST_CANDIDATES = 300;
const VALUES_PER_BOX = 16;

const FULL_RANGE_STRIDE = 4;
export const SHORT_RANGE_SIDE = 128;

/** Where a box's offsets count from, in pixels of the network's input: x and y by turns. */
type Anchors = Float32Array;

/**
 * BlazeFace: boxes where faces may be. Its input is the whole picture, shrunk into a square, so the size of that square
 * decides which faces it sees: small ones need a large square, and faces that fill a large square are missed.
 */
export class FaceDetector {
  readonly #fullRange: Model;
  readonly #shortRange: Model;
  readonly #inputs = new Map<number, Float32Array>();
  readonly #anchors = new Map<number, Anchors>();

  constructor(models: { fullRange: Model; shortRange: Model }) {
    this.#fullRange = models.fullRange;
    this.#shortRange = models.shortRange;
  }

  /** @param side of the square in pixels, a multiple of 32 */
  fullRange(picture: Pyramid, side: number): Promise<ScoredBox[]> {
    return this.#pass(this.#fullRange, picture, side, fullRangeAnchors);
  }

  /** For faces that fill the picture, which the full-range network was not made for. */
  shortRange(picture: Pyramid): Promise<ScoredBox[]> {
    return this.#pass(this.#shortRange, picture, SHORT_RANGE_SIDE, shortRangeAnchors);
  }

  async #pass(model: Model, picture: Pyramid, side: number, anchorsFor: (side: number) => Anchors) {
    const input = ensure(this.#inputs, side, () => new Float32Array(3 * side * side));
    const placed = letterbox(picture, side, input);
    const outputs = await model.run('image', input, [1, 3, side, side]);
    const anchors = ensure(this.#anchors, side, () => anchorsFor(side));
    const found = decodeBoxes(outputs.floats('boxes'), outputs.floats('scores'), anchors);
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
}

interface Placement {
  readonly left: number;
  readonly top: number;
  /** Pixels of the square per raster pixel. */
  readonly scaleX: number;
  readonly scaleY: number;
}

/** Draws the picture into the middle of a square, its proportions kept, black (-1) around it. */
export function letterbox(picture: Pyramid, side: number, input: Float32Array): Placement {
  const { base } = picture;
  const scale = side / Math.max(base.width, base.height);
  const width = Math.max(1, Math.round(base.width * scale));
  const height = Math.max(1, Math.round(base.height * scale));
  const left = Math.floor((side - width) / 2);
  const top = Math.floor((side - height) / 2);
  const { raster, shrink } = picture.levelFor(1 / scale);
  if (width < side || height < side) input.fill(-1);
  resampleInto(
    raster,
    { x: 0, y: 0, width: base.width / shrink, height: base.height / shrink },
    {
      data: input,
      offset: top * side + left,
      rowStride: side,
      planeStride: side * side,
      width,
      height,
      mean: 127.5,
      scale: 127.5,
    },
  );
  return { left, top, scaleX: width / base.width, scaleY: height / base.height };
}

export function decodeBoxes(boxes: Float32Array, logits: Float32Array, anchors: Anchors): ScoredBox[] {
  const found: ScoredBox[] = [];
  for (let index = 0; index < logits.length; index++) {
    const logit = logits[index]!;
    if (logit <= LEAST_LOGIT) continue;
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
export function fullRangeAnchors(side: number): Anchors {
  return gridAnchors(side, FULL_RANGE_STRIDE, 1);
}

/** Two anchors a cell of 8x8 pixels, then six a cell of 16x16. */
export function shortRangeAnchors(side: number): Anchors {
  return Float32Array.of(...gridAnchors(side, 8, 2), ...gridAnchors(side, 16, 6));
}

function gridAnchors(side: number, stride: number, perCell: number): Anchors {
  const cells = side / stride;
  const anchors = new Float32Array(cells * cells * perCell * 2);
  let to = 0;
  for (let row = 0; row < cells; row++) {
    for (let column = 0; column < cells; column++) {
      for (let again = 0; again < perCell; again++) {
        anchors[to++] = (column + 0.5) * stride;
        anchors[to++] = (row + 0.5) * stride;
      }
    }
  }
  return anchors;
}

function ensure<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
