import { overlapOfSmaller, type ScoredBox } from './boxes.ts';
import { type FaceDetector, LEAST_SCORE } from './detector.ts';
import { type ConfirmedFace, type FaceConfirmer, withoutRepeats } from './landmarks.ts';
import type { PictureTurns } from './network-turns.ts';
import type { Raster } from './raster.ts';

/**
 * Long sides at which BlazeFace looks at a picture. Of 40 faces pasted into 640x480 pictures, by their width in pixels:
 *
 * | width | 16 | 20 | 24 | 28 | 40 | 64 | 200 | 400 |
 * |-------|----|----|----|----|----|----|-----|-----|
 * |   192 |  0 |  8 | 15 | 22 | 36 | 40 |  40 |  40 |
 * |   320 | 26 | 33 | 37 | 39 | 40 | 40 |  40 |   3 |
 * |   384 | 29 | 37 | 38 | 38 | 40 | 40 |  40 |   1 |
 * |   640 | 39 | 40 | 40 | 40 | 40 | 40 |   1 |   1 |
 *
 * Time grows with the square, so 320 instead of 384 saves a third of the closer look for next to nothing.
 */
const OVERVIEW_PX = 192;
/** For pictures no larger than that: of 774 portraits of 64 px it misses none, at half the cost of 192 px, which misses two. */
const SMALL_OVERVIEW_PX = 128;
const CLOSER_PX = 320;
const SMALL_FACES_PX = 640;

/** Smaller pictures hold no face that the overview misses and the closer look finds. */
const CLOSER_LOOK_FROM_PX = 256;
/** A face as wide as this share of the long side is a portrait: there are hardly ever small ones that matter beside it. */
const PORTRAIT_SHARE = 1 / 3;
/** What the overview holds for a face with less than `LEAST_SCORE` is worth a closer look, even in a portrait. */
const SUSPICION_SCORE = 0.1;
const SAME_FACE_OVERLAP = 0.5;

/** Finds the faces of a picture: boxes proposed by BlazeFace in one to three looks, each confirmed by O-Net. */
export class FaceFinder {
  readonly #detector: FaceDetector;
  readonly #confirmer: FaceConfirmer;

  constructor(detector: FaceDetector, confirmer: FaceConfirmer) {
    this.#detector = detector;
    this.#confirmer = confirmer;
  }

  /** Largest first. Boxes and landmarks in pixels of the raster. */
  async find(
    picture: Raster,
    { smallFaces, turns }: { smallFaces: boolean; turns: PictureTurns },
  ): Promise<ConfirmedFace[]> {
    // Each look is confirmed on its own: boxes merged across looks fit neither one's view of the face.
    const confirm = (candidates: readonly ScoredBox[]) => this.#confirmer.confirm(picture, candidates, turns);
    const isSmall = Math.max(picture.width, picture.height) <= SMALL_OVERVIEW_PX;
    const overview = isSmall ? SMALL_OVERVIEW_PX : OVERVIEW_PX;
    const suspected = await this.#detector.fullRange(picture, overview, turns, SUSPICION_SCORE);
    const faces = await confirm(suspected.filter(({ score }) => score > LEAST_SCORE));
    if (deservesCloserLook(picture, faces, suspected)) {
      faces.push(...(await confirm(await this.#detector.fullRange(picture, CLOSER_PX, turns))));
    }
    if (smallFaces) {
      faces.push(...(await confirm(await this.#detector.fullRange(picture, SMALL_FACES_PX, turns))));
    }
    if (faces.length === 0) faces.push(...(await confirm(await this.#detector.shortRange(picture, turns))));
    return withoutRepeats(faces).sort((a, b) => b.box.width * b.box.height - a.box.width * a.box.height);
  }
}

/** Costs more than everything else together, so only where it may find a face. */
function deservesCloserLook(
  picture: Raster,
  faces: readonly ConfirmedFace[],
  suspected: readonly ScoredBox[],
): boolean {
  const longSide = Math.max(picture.width, picture.height);
  if (longSide <= CLOSER_LOOK_FROM_PX) return false;
  const isPortrait = faces.some(({ box }) => box.width > longSide * PORTRAIT_SHARE);
  const isExplained = ({ box }: ScoredBox) =>
    faces.some((face) => overlapOfSmaller(face.box, box) > SAME_FACE_OVERLAP);
  return !isPortrait || !suspected.every(isExplained);
}
