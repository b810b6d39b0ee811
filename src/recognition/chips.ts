import { chipToPicture, warp } from './alignment.ts';
import type { AlignmentTemplate, EmbedderSpec } from './packs.ts';
import type { Raster } from './raster.ts';
import { resampleInto } from './resampling.ts';
import type { Box, Landmarks } from './types.ts';

/** Where a face is, in pixels of the raster. */
export interface FacePlace {
  readonly box: Box;
  readonly landmarks: Landmarks;
}

/** The square cut-outs of one face, each made once however many parts of the pipeline look at it. */
export class FaceChips {
  readonly #picture: Raster;
  readonly #place: FacePlace;
  readonly #aligned = new Map<AlignmentTemplate, Raster>();

  constructor(picture: Raster, place: FacePlace) {
    this.#picture = picture;
    this.#place = place;
  }

  /** The face as a network wants it: aligned by its landmarks, or its box as it is. */
  for({ alignment, sizePx }: EmbedderSpec): Raster {
    return alignment.kind === 'similarity'
      ? this.aligned(alignment.template, sizePx)
      : cutBox(this.#picture, this.#place.box, sizePx, alignment.marginPx);
  }

  /** @param template in pixels of a chip of that size, centres at whole numbers */
  aligned(template: AlignmentTemplate, sizePx: number): Raster {
    const known = this.#aligned.get(template);
    if (known?.width === sizePx) return known;
    const chip = warp(this.#picture, chipToPicture(this.#place.landmarks, template), sizePx);
    this.#aligned.set(template, chip);
    return chip;
  }
}

function cutBox(picture: Raster, box: Box, sizePx: number, marginPx: number): Raster {
  const grow = marginPx / (sizePx - marginPx);
  const planes = new Float32Array(3 * sizePx * sizePx);
  resampleInto(
    picture,
    {
      x: box.x - (box.width * grow) / 2,
      y: box.y - (box.height * grow) / 2,
      width: box.width * (1 + grow),
      height: box.height * (1 + grow),
    },
    {
      data: planes,
      offset: 0,
      rowStride: sizePx,
      planeStride: sizePx * sizePx,
      width: sizePx,
      height: sizePx,
      mean: 0,
      scale: 1,
    },
  );
  return { width: sizePx, height: sizePx, data: interleaved(planes) };
}

function interleaved(planes: Float32Array): Uint8Array {
  const count = planes.length / 3;
  const data = new Uint8Array(planes.length);
  for (let at = 0; at < count; at++) {
    for (let channel = 0; channel < 3; channel++) {
      data[3 * at + channel] = planes[channel * count + at]! + 0.5;
    }
  }
  return data;
}
