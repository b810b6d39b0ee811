import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { InferenceSession, Tensor as OnnxTensor } from 'onnxruntime-node';

import { interpretDlib } from '../../../test/support/reference/dlib-interpreter.ts';
import type { Tensor } from '../../../test/support/reference/operators.ts';
import { interpretTflite } from '../../../test/support/reference/tflite-interpreter.ts';
import { type Pixels, sampleFaces, sampleScene } from '../../../test/support/sample-faces.ts';
import { BUILT_IN_MODELS, readWeights } from '../built-in-models.ts';
import type { BuiltInModelName } from '../packs.ts';
import { readTfjsWeights } from './tfjs-weights.ts';
import { readTflite } from './tflite-reader.ts';

const TOLERANCE = 1e-4;

interface Scaling {
  readonly mean: readonly [number, number, number];
  readonly scale: number;
}

const GREY_128: Scaling = { mean: [127.5, 127.5, 127.5], scale: 128 };
const GREY_127: Scaling = { mean: [127.5, 127.5, 127.5], scale: 127.5 };
const DLIB: Scaling = { mean: [122.782, 117.001, 104.298], scale: 256 };

describe('a converted model computes what the weights say', () => {
  test('BlazeFace, full range, at its own size and at another one', async () => {
    const graph = await tfliteOf('blazeface-full-range');
    for (const [width, height] of [
      [192, 192],
      [160, 96],
    ] as const) {
      const picture = toTensor(await sampleScene(width, height), GREY_127);
      const outputs = await run('blazeface-full-range', 'image', [picture]);
      compare([outputs.boxes!, outputs.scores!], interpretTflite(graph, picture));
    }
  });

  test('BlazeFace, short range', async () => {
    const graph = await tfliteOf('blazeface-short-range');
    const picture = toTensor(await sampleScene(128, 128), GREY_127);
    const outputs = await run('blazeface-short-range', 'image', [picture]);
    compare([outputs.boxes!, outputs.scores!], interpretTflite(graph, picture));
  });

  test('O-Net takes upright chips, its weights transposed ones', async () => {
    const graph = await tfliteOf('onet');
    for (const face of await sampleFaces(48)) {
      const chip = toTensor(face, GREY_128);
      const outputs = await run('onet', 'chip', [chip]);
      compare(
        [outputs.probability!, outputs.box!, outputs.points!],
        interpretTflite(graph, transposed(chip)),
      );
      assert.ok(outputs.probability![1]! > 0.9, 'it sees a face');
    }
  });

  test('MobileFaceNet', async () => {
    const graph = await tfliteOf('mobilefacenet');
    const chip = toTensor((await sampleFaces(112))[0]!, GREY_128);
    const { embedding } = await run('mobilefacenet', 'chip', [chip]);
    compare([embedding!], interpretTflite(graph, chip));
  });

  test('dlib ResNet', async () => {
    const [manifest, bytes] = await readWeights(BUILT_IN_MODELS['dlib-resnet']);
    const weights = readTfjsWeights(manifest!, bytes!);
    const chip = toTensor((await sampleFaces(150))[0]!, DLIB);
    const { embedding } = await run('dlib-resnet', 'chip', [chip]);
    compare([embedding!], [{ shape: [1, 128], data: interpretDlib(weights, chip) }]);
  });

  test('a batch gives what its pictures give alone', async () => {
    const chips = (await sampleFaces(48)).map((face) => toTensor(face, GREY_128));
    const { points } = await run('onet', 'chip', chips);
    for (const [index, chip] of chips.entries()) {
      const alone = await run('onet', 'chip', [chip]);
      compare([points!.subarray(index * 10, index * 10 + 10)], [{ shape: [1, 10], data: alone.points! }]);
    }
  });
});

async function tfliteOf(name: BuiltInModelName) {
  const [file] = await readWeights(BUILT_IN_MODELS[name]);
  return readTflite(file!);
}

/** Converts, loads and runs a model on pictures of one size. */
async function run(
  name: BuiltInModelName,
  input: string,
  pictures: readonly Tensor[],
): Promise<Record<string, Float32Array>> {
  const model = BUILT_IN_MODELS[name];
  const session = await InferenceSession.create(model.convert(await readWeights(model)));
  try {
    const [, height, width, channels] = pictures[0]!.shape as [number, number, number, number];
    const data = Float32Array.from(pictures.flatMap((picture) => [...channelsFirst(picture)]));
    const tensor = new OnnxTensor('float32', data, [pictures.length, channels, height, width]);
    const outputs = await session.run({ [input]: tensor });
    return Object.fromEntries(
      Object.entries(outputs).map(([key, output]) => [key, output.data as Float32Array]),
    );
  } finally {
    await session.release();
  }
}

/** Each value within 1e-4, relative to the largest of its output where that exceeds 1. */
function compare(actual: readonly Float32Array[], expected: readonly Tensor[]): void {
  for (const [index, { data }] of expected.entries()) {
    assert.equal(actual[index]!.length, data.length);
    const scale = Math.max(1, ...data.map(Math.abs));
    const worst = data.reduce((most, value, at) => Math.max(most, Math.abs(value - actual[index]![at]!)), 0);
    assert.ok(worst / scale < TOLERANCE, `output ${index} differs by ${worst} where it reaches ${scale}`);
  }
}

function toTensor({ width, height, data }: Pixels, { mean, scale }: Scaling): Tensor {
  const scaled = Float32Array.from(data, (value, index) => (value - mean[index % 3]!) / scale);
  return { shape: [1, height, width, 3], data: scaled };
}

function transposed({ shape, data }: Tensor): Tensor {
  const [, height, width, channels] = shape as [number, number, number, number];
  const turned = new Float32Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        turned[(x * height + y) * channels + c] = data[(y * width + x) * channels + c]!;
      }
    }
  }
  return { shape: [1, width, height, channels], data: turned };
}

function channelsFirst({ shape, data }: Tensor): Float32Array {
  const [, height, width, channels] = shape as [number, number, number, number];
  const cells = height * width;
  return Float32Array.from(data, (_, index) => data[(index % cells) * channels + Math.floor(index / cells)]!);
}
