import { overlapOfSmaller, type ScoredBox, squareAround, suppress } from './boxes.ts';
import type { Runnable } from './model.ts';
import type { PictureTurns } from './network-turns.ts';
import type { Raster } from './raster.ts';
import { resampleInto } from './resampling.ts';
import type { Box, Landmarks, Point } from './types.ts';

const INPUT_SIDE = 48;
const INPUT_VALUES = 3 * INPUT_SIDE * INPUT_SIDE;
/** What the larger and the smaller of the two scores must exceed. Ears and railings reach the first, but not both. */
const LEAST_LARGER_SCORE = 0.7;
const LEAST_SMALLER_SCORE = 0.25;
/** BlazeFace boxes end at the eyebrows; O-Net was taught with a little more around the face. */
const ENLARGEMENT = 1.05;
const SUPPRESSION_OVERLAP = 0.7;
/** More at once would bring nothing on one thread, and take memory. */
const BATCH = 8;

/** Boxes and landmarks in pixels of the raster. */
export interface ConfirmedFace {
  readonly box: Box;
  readonly landmarks: Landmarks;
  /** The larger of O-Net's two scores. */
  readonly score: number;
  /** The smaller of them: how sure it is of the box that it gave itself. */
  readonly rank: number;
}

interface Look {
  readonly score: number;
  readonly box: Box;
  readonly landmarks: Landmarks;
}

/**
 * O-Net, the last stage of MTCNN: says whether a box holds a face, puts it right, and finds the five landmarks. It looks
 * twice, the second time at the box that it gave the first.
 */
export class FaceConfirmer {
  readonly #model: Runnable;
  readonly #input = new Float32Array(BATCH * INPUT_VALUES);

  constructor(model: Runnable) {
    this.#model = model;
  }

  /** The candidates that are faces. One face may come several times, see `withoutRepeats`. */
  async confirm(
    picture: Raster,
    candidates: readonly ScoredBox[],
    turns: PictureTurns,
  ): Promise<ConfirmedFace[]> {
    const look = (boxes: readonly Box[]) => this.#look(picture, boxes, turns);
    const squares = candidates.map(({ box }) => squareAround(box, ENLARGEMENT));
    const first = (await look(squares)).filter(({ score }) => score > LEAST_SMALLER_SCORE);
    const second = await look(first.map(({ box }) => squareAround(box)));
    return second
      .map((look, index) => combined(first[index]!, look))
      .filter(({ score, rank }) => score > LEAST_LARGER_SCORE && rank > LEAST_SMALLER_SCORE)
      .filter(({ box }) => box.width > 0 && box.height > 0);
  }

  async #look(picture: Raster, boxes: readonly Box[], turns: PictureTurns): Promise<Look[]> {
    const looks: Look[] = [];
    for (let start = 0; start < boxes.length; start += BATCH) {
      const batch = boxes.slice(start, start + BATCH);
      looks.push(...(await turns.take(this.#model, () => this.#lookAt(picture, batch))));
    }
    return looks;
  }

  async #lookAt(picture: Raster, batch: readonly Box[]): Promise<Look[]> {
    for (const [index, box] of batch.entries()) this.#draw(picture, box, index);
    const values = this.#input.subarray(0, batch.length * INPUT_VALUES);
    const outputs = await this.#model.run('chip', values, [batch.length, 3, INPUT_SIDE, INPUT_SIDE]);
    const probability = outputs.floats('probability');
    const corrections = outputs.floats('box');
    const points = outputs.floats('points');
    return batch.map((box, index) => ({
      score: probability[2 * index + 1]!,
      box: corrected(box, corrections.subarray(4 * index, 4 * index + 4)),
      landmarks: landmarksIn(box, points.subarray(10 * index, 10 * index + 10)),
    }));
  }

  #draw(picture: Raster, box: Box, index: number): void {
    resampleInto(picture, box, {
      data: this.#input,
      offset: index * INPUT_VALUES,
      rowStride: INPUT_SIDE,
      planeStride: INPUT_SIDE * INPUT_SIDE,
      width: INPUT_SIDE,
      height: INPUT_SIDE,
      mean: 127.5,
      scale: 128,
    });
  }
}

/** The later box is the better one; landmarks are steadier as the mean of both looks, weighted by score. */
function combined(first: Look, second: Look): ConfirmedFace {
  const share = second.score / (first.score + second.score);
  const mean = (index: 0 | 1 | 2 | 3 | 4): Point => ({
    x: first.landmarks[index].x * (1 - share) + second.landmarks[index].x * share,
    y: first.landmarks[index].y * (1 - share) + second.landmarks[index].y * share,
  });
  return {
    box: second.box,
    landmarks: [mean(0), mean(1), mean(2), mean(3), mean(4)],
    score: Math.max(first.score, second.score),
    rank: Math.min(first.score, second.score),
  };
}

/** One entry a face, of those that lie on each other the one with the best rank. */
export function withoutRepeats(faces: readonly ConfirmedFace[]): ConfirmedFace[] {
  return suppress(faces, ({ rank }) => rank, { limit: SUPPRESSION_OVERLAP, measure: overlapOfSmaller });
}

/** O-Net says how far each edge is off: left, top, right, bottom, in box sides. */
function corrected({ x, y, width, height }: Box, [left, top, right, bottom]: Float32Array): Box {
  return {
    x: x + left! * width,
    y: y + top! * height,
    width: width * (1 + right! - left!),
    height: height * (1 + bottom! - top!),
  };
}

/** Five x, then five y, in box sides. */
function landmarksIn({ x, y, width, height }: Box, values: Float32Array): Landmarks {
  const point = (index: number): Point => ({
    x: x + values[index]! * width,
    y: y + values[index + 5]! * height,
  });
  return [point(0), point(1), point(2), point(3), point(4)];
}
