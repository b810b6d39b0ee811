import type { ScoredBox } from './boxes.ts';
import type { FaceDetector } from './detector.ts';
import { type ConfirmedFace, type FaceConfirmer, withoutRepeats } from './landmarks.ts';
import type { Pyramid } from './raster.ts';

/** Sides of BlazeFace's square, and when each is looked through. */
const OVERVIEW_SIDE = 192;
const CLOSE_SIDE = 384;
const SMALL_FACES_SIDE = 640;
/** Smaller pictures hold no face that the overview misses and the closer look finds. */
const CLOSE_LOOK_FROM_PX = 256;

/** Finds the faces of a picture: boxes proposed by BlazeFace in several passes, each confirmed by O-Net. */
export class FaceFinder {
  readonly #detector: FaceDetector;
  readonly #confirmer: FaceConfirmer;

  constructor(detector: FaceDetector, confirmer: FaceConfirmer) {
    this.#detector = detector;
    this.#confirmer = confirmer;
  }

  /** Largest first. Boxes and landmarks in pixels of the pyramid's base. */
  async find(picture: Pyramid, { smallFaces }: { smallFaces: boolean }): Promise<ConfirmedFace[]> {
    // Each pass is confirmed on its own: candidates merged across passes fit neither pass's view of the face.
    const confirm = (candidates: readonly ScoredBox[]) => this.#confirmer.confirm(picture, candidates);
    const faces = await confirm(await this.#detector.fullRange(picture, OVERVIEW_SIDE));
    const longSide = Math.max(picture.base.width, picture.base.height);
    if (longSide > CLOSE_LOOK_FROM_PX) {
      faces.push(...(await confirm(await this.#detector.fullRange(picture, CLOSE_SIDE))));
    }
    if (smallFaces) {
      faces.push(...(await confirm(await this.#detector.fullRange(picture, SMALL_FACES_SIDE))));
    }
    if (faces.length === 0) faces.push(...(await confirm(await this.#detector.shortRange(picture))));
    return withoutRepeats(faces).sort((a, b) => b.box.width * b.box.height - a.box.width * a.box.height);
  }
}
