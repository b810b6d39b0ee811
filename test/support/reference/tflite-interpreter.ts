import type {
  PoolOptions,
  TfliteGraph,
  TfliteOperator,
  WindowOptions,
} from '../../../src/recognition/conversion/tflite-reader.ts';
import {
  combine,
  concatenateRows,
  convolution,
  depthwiseConvolution,
  fullyConnected,
  map,
  maxPool,
  padTo,
  resizeHalfPixel,
  samePads,
  type Tensor,
  VALID_PADS,
  type Window,
} from './operators.ts';

/**
 * Runs a TFLite graph operator by operator, as it stands in the file. The input may have another height and width than the
 * graph says, where the network allows it. Resolves to the graph's outputs, in order.
 */
export function interpretTflite(graph: TfliteGraph, input: Tensor): Tensor[] {
  const values = new Map<number, Tensor>();
  for (const [index, { shape, data }] of graph.tensors.entries()) {
    if (data !== undefined) values.set(index, { shape, data: Float32Array.from(data) });
  }
  values.set(graph.inputs[0]!, input);
  for (const operator of graph.operators) {
    const operands = operator.inputs.map((index) => values.get(index)!);
    values.set(operator.outputs[0]!, compute(graph, operator, operands));
  }
  return graph.outputs.map((output) => values.get(output)!);
}

function compute(graph: TfliteGraph, operator: TfliteOperator, operands: readonly Tensor[]): Tensor {
  const [x, y, z] = operands as [Tensor, Tensor, Tensor];
  const declared = (index: number) => graph.tensors[index]!.shape;
  switch (operator.kind) {
    case 'CONV_2D':
      return convolution(x, outputsLast(y), z.data, window(x, [y.shape[1]!, y.shape[2]!], operator.options));
    case 'DEPTHWISE_CONV_2D':
      return depthwiseConvolution(x, y, z.data, window(x, [y.shape[1]!, y.shape[2]!], operator.options));
    case 'MAX_POOL_2D': {
      const { filterHeight, filterWidth }: PoolOptions = operator.options;
      const kernel = [filterHeight, filterWidth] as const;
      return maxPool(x, kernel, window(x, kernel, operator.options));
    }
    case 'FULLY_CONNECTED':
      return fullyConnected(x, y, z.data);
    case 'RESIZE_BILINEAR': {
      const [from, to] = [declared(operator.inputs[0]!), declared(operator.outputs[0]!)];
      return resizeHalfPixel(x, (x.shape[1]! * to[1]!) / from[1]!, (x.shape[2]! * to[2]!) / from[2]!);
    }
    case 'PAD':
      return padTo(
        x,
        x.shape.map((size, axis) => size + y.data[2 * axis]! + y.data[2 * axis + 1]!),
      );
    case 'RESHAPE': {
      const [, ...rest] = declared(operator.outputs[0]!);
      const last = rest.at(-1)!;
      return { data: x.data, shape: rest.length === 1 ? [1, last] : [1, x.data.length / last, last] };
    }
    case 'CONCATENATION':
      return concatenateRows(operands);
    case 'REDUCE_MAX':
      return { shape: [1, 1], data: Float32Array.of(Math.max(...x.data)) };
    case 'SUM':
      return { shape: [1, 1], data: Float32Array.of(x.data.reduce((sum, value) => sum + value, 0)) };
    default:
      return elementwise(operator.kind, x, y);
  }
}

function elementwise(kind: TfliteOperator['kind'], x: Tensor, y: Tensor): Tensor {
  switch (kind) {
    case 'ADD':
      return combine(x, y, (a, b) => a + b);
    case 'SUB':
      return combine(x, y, (a, b) => a - b);
    case 'MUL':
      return combine(x, y, (a, b) => a * b);
    case 'DIV':
      return combine(x, y, (a, b) => a / b);
    case 'RELU':
      return map(x, (value) => Math.max(0, value));
    case 'ABS':
      return map(x, Math.abs);
    case 'NEG':
      return map(x, (value) => -value);
    case 'EXP':
      return map(x, Math.exp);
    default:
      throw new Error(`the reference has no ${kind}`);
  }
}

function window(input: Tensor, kernel: readonly [number, number], options: WindowOptions): Window {
  const strides = [options.strideHeight, options.strideWidth] as const;
  const pads = options.padding === 'SAME' ? samePads(input.shape, kernel, strides) : VALID_PADS;
  return { pads, strides };
}

/** TFLite's [outputs, kh, kw, inputs] → [kh, kw, inputs, outputs]. */
function outputsLast({ shape, data }: Tensor): Tensor {
  const [outputs, ...rest] = shape as [number, number, number, number];
  const inner = rest[0] * rest[1] * rest[2];
  const moved = Float32Array.from(
    data,
    (_, index) => data[(index % outputs) * inner + Math.floor(index / outputs)]!,
  );
  return { shape: [...rest, outputs], data: moved };
}
