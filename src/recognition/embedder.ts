import type { FaceChips } from './chips.ts';
import type { Runnable } from './model.ts';
import type { PictureTurns } from './network-turns.ts';
import type { EmbedderSpec } from './packs.ts';
import type { Raster } from './raster.ts';

export interface Embedding {
  /** Unit length. */
  readonly vector: Float32Array;
  /** Norm of the first network's raw output for the upright chip. */
  readonly rawNorm: number;
}

interface Network {
  readonly spec: EmbedderSpec;
  readonly model: Runnable;
  readonly input: Float32Array;
}

/**
 * The networks of a pack, fused into one vector: each network's unit embedding times the root of its weight, one after the
 * other, so that the cosine of two such vectors is the weighted mean of the networks' cosines.
 */
export class Embedder {
  readonly #networks: readonly Network[];
  readonly dimensions: number;

  constructor(networks: readonly { spec: EmbedderSpec; model: Runnable }[]) {
    this.#networks = networks.map(({ spec, model }) => ({
      spec,
      model,
      input: new Float32Array(3 * spec.sizePx * spec.sizePx),
    }));
    this.dimensions = networks.reduce((sum, { spec }) => sum + spec.dimensions, 0);
  }

  async embed(chips: FaceChips, turns: PictureTurns): Promise<Embedding> {
    const vector = new Float32Array(this.dimensions);
    let rawNorm = 0;
    let offset = 0;
    for (const [index, network] of this.#networks.entries()) {
      const { spec, model } = network;
      const { raw, sum } = await turns.take(model, () => run(network, chips));
      if (index === 0) rawNorm = norm(raw);
      const factor = Math.sqrt(spec.weight) / (norm(sum) || 1);
      for (let at = 0; at < sum.length; at++) vector[offset + at] = sum[at]! * factor;
      offset += spec.dimensions;
    }
    return { vector, rawNorm };
  }
}

/** The output for the chip, and with the one for its mirror image where the pack wants that. */
async function run(network: Network, chips: FaceChips): Promise<{ raw: Float32Array; sum: Float32Array }> {
  const { spec } = network;
  fillInput(network, chips.for(spec));
  const raw = await runOnce(network);
  return { raw, sum: spec.mirror ? plus(raw, await runMirrored(network)) : raw };
}

function fillInput({ spec, input }: Network, { data }: Raster): void {
  const isPlanar = spec.layout === 'NCHW';
  const planeStride = isPlanar ? spec.sizePx * spec.sizePx : 1;
  const step = isPlanar ? 1 : 3;
  const [first, last] = spec.channels === 'RGB' ? [0, 2] : [2, 0];
  const [firstMean, greenMean, lastMean] = spec.mean;
  const gain = 1 / spec.scale;
  for (let from = 0, to = 0; from < data.length; from += 3, to += step) {
    input[to] = (data[from + first]! - firstMean) * gain;
    input[to + planeStride] = (data[from + 1]! - greenMean) * gain;
    input[to + 2 * planeStride] = (data[from + last]! - lastMean) * gain;
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
