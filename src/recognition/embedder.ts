import { chipToPicture, type Similarity, warp } from './alignment.ts';
import type { Model } from './model.ts';
import type { EmbedderSpec } from './packs.ts';
import type { Pyramid, Raster } from './raster.ts';
import { resampleInto } from './resampling.ts';
import type { Box, Landmarks } from './types.ts';

/** Where a face is: pixels of the pyramid's base. */
export interface FacePlace {
  readonly box: Box;
  readonly landmarks: Landmarks;
}

export interface Embedding {
  /** Unit length. */
  readonly vector: Float32Array;
  /** Norm of the first network's raw output for the upright chip. */
  readonly rawNorm: number;
}

interface Network {
  readonly spec: EmbedderSpec;
  readonly model: Model;
  readonly input: Float32Array;
}

/**
 * The networks of a pack, fused into one vector: each network's unit embedding times the root of its weight, one after the
 * other, so that the cosine of two such vectors is the weighted mean of the networks' cosines.
 */
export class Embedder {
  readonly #networks: readonly Network[];
  readonly dimensions: number;

  constructor(networks: readonly { spec: EmbedderSpec; model: Model }[]) {
    this.#networks = networks.map(({ spec, model }) => ({
      spec,
      model,
      input: new Float32Array(3 * spec.sizePx * spec.sizePx),
    }));
    this.dimensions = networks.reduce((sum, { spec }) => sum + spec.dimensions, 0);
  }

  async embed(picture: Pyramid, face: FacePlace): Promise<Embedding> {
    const vector = new Float32Array(this.dimensions);
    let rawNorm = 0;
    let offset = 0;
    for (const [index, network] of this.#networks.entries()) {
      const { spec } = network;
      fillInput(network, cutChip(picture, face, spec));
      const raw = await runOnce(network);
      if (index === 0) rawNorm = norm(raw);
      const sum = spec.mirror ? plus(raw, await runMirrored(network)) : raw;
      const factor = Math.sqrt(spec.weight) / (norm(sum) || 1);
      for (const [at, value] of sum.entries()) vector[offset + at] = value * factor;
      offset += spec.dimensions;
    }
    return { vector, rawNorm };
  }
}

/** The face as a network wants it: aligned by its landmarks, or its box as it is. */
export function cutChip(picture: Pyramid, face: FacePlace, spec: EmbedderSpec): Raster {
  const { alignment, sizePx } = spec;
  return alignment.kind === 'similarity'
    ? cutAligned(picture, face.landmarks, alignment.template, sizePx)
    : cutBox(picture, face.box, sizePx, alignment.marginPx);
}

/** @param template in pixels of the chip, centres at whole numbers */
export function cutAligned(
  picture: Pyramid,
  landmarks: Landmarks,
  template: readonly (readonly [number, number])[],
  sizePx: number,
): Raster {
  const toBase = chipToPicture(landmarks, template);
  const { raster, shrink } = picture.levelFor(Math.hypot(toBase.a, toBase.b));
  return warp(raster, shrunk(toBase, shrink), sizePx);
}

function shrunk({ a, b, x0, y0 }: Similarity, shrink: number): Similarity {
  // Edges of pixels stay where they are when a picture shrinks, centres do not.
  const centre = (value: number) => (value + 0.5) / shrink - 0.5;
  return { a: a / shrink, b: b / shrink, x0: centre(x0), y0: centre(y0) };
}

function cutBox(picture: Pyramid, box: Box, sizePx: number, marginPx: number): Raster {
  const grow = marginPx / (sizePx - marginPx);
  const { raster, shrink } = picture.levelFor(Math.max(box.width, box.height) / sizePx);
  const planes = new Float32Array(3 * sizePx * sizePx);
  resampleInto(
    raster,
    {
      x: (box.x - (box.width * grow) / 2) / shrink,
      y: (box.y - (box.height * grow) / 2) / shrink,
      width: (box.width * (1 + grow)) / shrink,
      height: (box.height * (1 + grow)) / shrink,
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

function fillInput({ spec, input }: Network, { data }: Raster): void {
  const count = spec.sizePx * spec.sizePx;
  const isPlanar = spec.layout === 'NCHW';
  const gain = 1 / spec.scale;
  for (let channel = 0; channel < 3; channel++) {
    const mean = spec.mean[channel]!;
    const step = isPlanar ? 1 : 3;
    let to = isPlanar ? channel * count : channel;
    let from = spec.channels === 'RGB' ? channel : 2 - channel;
    for (let at = 0; at < count; at++, from += 3, to += step) input[to] = (data[from]! - mean) * gain;
  }
}

async function runOnce({ spec, model, input }: Network): Promise<Float32Array> {
  const { sizePx } = spec;
  const shape = spec.layout === 'NCHW' ? [1, 3, sizePx, sizePx] : [1, sizePx, sizePx, 3];
  return (await model.run(spec.input, input, shape)).floats(spec.output);
}

/** Leaves the input mirrored. */
function runMirrored(network: Network): Promise<Float32Array> {
  const { spec, input } = network;
  const { sizePx } = spec;
  if (spec.layout === 'NCHW') {
    for (let start = 0; start < input.length; start += sizePx)
      input.subarray(start, start + sizePx).reverse();
  } else {
    for (let start = 0; start < input.length; start += 3 * sizePx) mirrorInterleavedRow(input, start, sizePx);
  }
  return runOnce(network);
}

function mirrorInterleavedRow(input: Float32Array, start: number, width: number): void {
  for (let left = 0, right = width - 1; left < right; left++, right--) {
    for (let channel = 0; channel < 3; channel++) {
      const near = start + 3 * left + channel;
      const far = start + 3 * right + channel;
      const kept = input[near]!;
      input[near] = input[far]!;
      input[far] = kept;
    }
  }
}

function plus(a: Float32Array, b: Float32Array): Float32Array {
  return a.map((value, index) => value + b[index]!);
}

export function norm(vector: Float32Array): number {
  let sum = 0;
  for (const value of vector) sum += value * value;
  return Math.sqrt(sum);
}
