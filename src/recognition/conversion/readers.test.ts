import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { BUILT_IN_MODELS, readWeights } from '../built-in-models.ts';
import { ModelError } from '../errors.ts';
import { fusePrelu } from './fuse-prelu.ts';
import { channelsFirstKernel } from './layout.ts';
import { readTfjsWeights } from './tfjs-weights.ts';
import { readTflite, type TfliteGraph, type TfliteOperator } from './tflite-reader.ts';
import { tfliteToOnnx } from './tflite-to-onnx.ts';
import { transposePicture } from './transpose-picture.ts';

const operator = (kind: TfliteOperator['kind'], inputs: number[], output: number) =>
  ({ kind, inputs, outputs: [output], options: {} }) as TfliteOperator;
const tensor = (name: string) => ({ name, shape: [1, 4, 4, 2] });

describe('readTflite', () => {
  test('reads tensors, operators, inputs and outputs', async () => {
    const [file] = await readWeights(BUILT_IN_MODELS.onet);
    const graph = readTflite(file!);
    assert.deepEqual(
      graph.inputs.map((index) => graph.tensors[index]?.shape),
      [[1, 48, 48, 3]],
    );
    assert.deepEqual(
      graph.outputs.map((index) => graph.tensors[index]?.shape),
      [
        [1, 2],
        [1, 4],
        [1, 10],
      ],
    );
    const [first] = graph.operators;
    assert.equal(first?.kind, 'CONV_2D');
    assert.deepEqual(first?.options, { padding: 'VALID', strideHeight: 1, strideWidth: 1 });
    const weights = graph.tensors[first!.inputs[1]!]!;
    assert.deepEqual([weights.shape, weights.data?.length], [[32, 3, 3, 3], 864]);
  });

  test('refuses what is no TFLite file', () => {
    for (const file of [new Uint8Array(0), new Uint8Array(100), new TextEncoder().encode('PNG? no: TFL3')]) {
      assert.throws(() => readTflite(file), ModelError);
    }
  });
});

describe('fusePrelu', () => {
  const slopes = { name: 'slopes', shape: [2], data: Float32Array.of(0.25, 1.5) };
  const tensors = ['x', 'positive', 'a', 'b', 'c', 'scaled', 'sum'].map(tensor);
  const graphOf = (operators: TfliteOperator[], outputs = [6]): TfliteGraph => ({
    tensors: [...tensors, slopes],
    operators,
    inputs: [0],
    outputs,
  });
  const chain = [
    operator('RELU', [0], 1),
    operator('NEG', [0], 2),
    operator('RELU', [2], 3),
    operator('NEG', [3], 4),
    operator('MUL', [7, 4], 5),
    operator('ADD', [1, 5], 6),
  ];

  test('folds relu(x) + slope · -relu(-x)', () => {
    const { operators, tensors: after } = fusePrelu(graphOf(chain));
    assert.deepEqual(
      operators.map(({ kind }) => kind),
      ['PRELU'],
    );
    assert.equal(operators[0]?.inputs[0], 0);
    assert.deepEqual(after[operators[0]!.inputs[1]!]?.data, Float32Array.of(0.25, 1.5));
  });

  test('folds relu(x) + half the slope · (x - |x|)', () => {
    const { operators, tensors: after } = fusePrelu(
      graphOf([
        operator('RELU', [0], 1),
        operator('ABS', [0], 2),
        operator('SUB', [0, 2], 3),
        operator('MUL', [7, 3], 5),
        operator('ADD', [1, 5], 6),
      ]),
    );
    assert.deepEqual(
      operators.map(({ kind }) => kind),
      ['PRELU'],
    );
    assert.deepEqual(after[operators[0]!.inputs[1]!]?.data, Float32Array.of(0.5, 3));
  });

  test('keeps a part of the chain that something else uses', () => {
    const { operators } = fusePrelu(graphOf(chain, [6, 1]));
    assert.deepEqual(
      operators.map(({ kind }) => kind),
      ['RELU', 'PRELU'],
    );
  });

  test('leaves a sum alone that is something else', () => {
    const plain = [operator('RELU', [0], 1), operator('ADD', [1, 0], 6)];
    assert.deepEqual(fusePrelu(graphOf(plain)).operators, plain);
  });

  test('what it left cannot be converted: no model of ours has it', () => {
    const naming = { name: 'test', input: 'x', outputs: ['y'] };
    assert.throws(() => tfliteToOnnx(graphOf([operator('ABS', [0], 6)]), naming), ModelError);
    assert.throws(() => tfliteToOnnx(graphOf([operator('ADD', [0, 7], 6)]), naming), ModelError);
  });
});

describe('transposePicture', () => {
  test('twice is nothing', async () => {
    const [file] = await readWeights(BUILT_IN_MODELS.onet);
    const graph = readTflite(file!);
    const turned = transposePicture(graph);
    assert.notDeepEqual(turned.tensors, graph.tensors);
    assert.deepEqual(transposePicture(turned), graph);
  });
});

describe('channelsFirstKernel', () => {
  const data = Float32Array.from({ length: 24 }, (_, index) => index);

  test('moves the axes of every layout', () => {
    // At [1, 2, 0, 1] of [2, 3, 2, 2] stands 21.
    const full = channelsFirstKernel(data, [2, 3, 2, 2], 'full');
    assert.deepEqual(full.shape, [2, 2, 3, 2]);
    assert.equal(full.data[((1 * 2 + 1) * 3 + 2) * 2 + 0], 21);
    const tfjs = channelsFirstKernel(data, [2, 3, 2, 2], 'tfjs');
    assert.deepEqual(tfjs.shape, [2, 2, 2, 3]);
    assert.equal(tfjs.data[((1 * 2 + 0) * 2 + 1) * 3 + 2], 21);
    // At [0, 1, 2, 3] of [1, 2, 3, 4] stands 23.
    const depthwise = channelsFirstKernel(data, [1, 2, 3, 4], 'depthwise');
    assert.deepEqual(depthwise.shape, [4, 1, 2, 3]);
    assert.equal(depthwise.data[(3 * 2 + 1) * 3 + 2], 23);
  });
});

describe('readTfjsWeights', () => {
  const manifestOf = (...weights: object[]) => new TextEncoder().encode(JSON.stringify([{ weights }]));
  const quantised = {
    name: 'q',
    shape: [2],
    dtype: 'float32',
    quantization: { dtype: 'uint8', scale: 0.5, min: -1 },
  };
  const plain = { name: 'p', shape: [1], dtype: 'float32' };

  test('reads quantised and plain weights, one after another', () => {
    const bytes = new Uint8Array([0, 4, ...new Uint8Array(Float32Array.of(1.25).buffer)]);
    const weights = readTfjsWeights(manifestOf(quantised, plain), bytes);
    assert.deepEqual(weights.get('q'), { shape: [2], data: Float32Array.of(-1, 1) });
    assert.deepEqual(weights.get('p'), { shape: [1], data: Float32Array.of(1.25) });
  });

  test('refuses another length and another type', () => {
    assert.throws(() => readTfjsWeights(manifestOf(quantised), new Uint8Array(3)), ModelError);
    assert.throws(
      () => readTfjsWeights(manifestOf({ ...plain, dtype: 'int32' }), new Uint8Array(4)),
      ModelError,
    );
  });
});
