import type { TfliteGraph, TfliteOperator, TfliteTensor } from './tflite-reader.ts';

/**
 * Makes a network that was trained on transposed pictures (MTCNN's were: its authors worked column by column) take
 * upright ones: every kernel swaps its two axes, and a fully connected layer on a feature map swaps its columns.
 */
export function transposePicture(graph: TfliteGraph): TfliteGraph {
  const tensors = [...graph.tensors];
  for (const operator of graph.operators) {
    const [inputIndex, weightIndex] = operator.inputs;
    const weights = tensors[weightIndex ?? -1];
    if (operator.kind === 'CONV_2D' || operator.kind === 'DEPTHWISE_CONV_2D') {
      tensors[weightIndex!] = swapAxes(weights!);
    } else if (operator.kind === 'FULLY_CONNECTED') {
      const map = graph.tensors[inputIndex!]!.shape;
      if (map.length === 4) tensors[weightIndex!] = swapColumns(weights!, map);
    }
  }
  return { ...graph, tensors, operators: graph.operators.map(swapWindow) };
}

function swapWindow(operator: TfliteOperator): TfliteOperator {
  if (operator.kind === 'CONV_2D' || operator.kind === 'DEPTHWISE_CONV_2D') {
    const { strideHeight, strideWidth } = operator.options;
    return {
      ...operator,
      options: { ...operator.options, strideHeight: strideWidth, strideWidth: strideHeight },
    };
  }
  if (operator.kind === 'MAX_POOL_2D') {
    const { strideHeight, strideWidth, filterHeight, filterWidth } = operator.options;
    const swapped = {
      strideHeight: strideWidth,
      strideWidth: strideHeight,
      filterHeight: filterWidth,
      filterWidth: filterHeight,
    };
    return { ...operator, options: { ...operator.options, ...swapped } };
  }
  return operator;
}

/** [outer, height, width, channels] → [outer, width, height, channels]. */
function swapAxes(tensor: TfliteTensor): TfliteTensor {
  const [outer, height, width, channels] = tensor.shape as [number, number, number, number];
  const from = tensor.data as Float32Array;
  const data = new Float32Array(from.length);
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (let x = 0; x < width; x++) {
      for (let y = 0; y < height; y++) {
        const start = ((o * height + y) * width + x) * channels;
        data.set(from.subarray(start, start + channels), at);
        at += channels;
      }
    }
  }
  return { ...tensor, shape: [outer, width, height, channels], data };
}

/** Weights [outputs, height · width · channels] of a layer on a map [1, height, width, channels]. */
function swapColumns(weights: TfliteTensor, map: readonly number[]): TfliteTensor {
  const [, height, width, channels] = map as [number, number, number, number];
  const swapped = swapAxes({ ...weights, shape: [weights.shape[0]!, height, width, channels] });
  return { ...weights, data: swapped.data! };
}
