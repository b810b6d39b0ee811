import { OnnxGraph } from '../../src/recognition/conversion/onnx-graph.ts';

export interface SmallEmbedderOptions {
  readonly sizePx?: number;
  readonly layout?: 'NCHW' | 'NHWC';
  readonly dimensions?: number;
  readonly input?: string;
  readonly outputs?: readonly string[];
  /** Weights that are 0, so that every chip gives the same. */
  readonly isConstant?: boolean;
}

/** An ONNX embedder of one convolution and a mean: no use for faces, but it takes chips and gives embeddings. */
export function smallEmbedder({
  sizePx = 112,
  layout = 'NCHW',
  dimensions = 32,
  input = 'data',
  outputs = ['fc1'],
  isConstant = false,
}: SmallEmbedderOptions = {}): Uint8Array {
  const graph = new OnnxGraph('small-embedder');
  const shape = layout === 'NCHW' ? ['N', 3, sizePx, sizePx] : ['N', sizePx, sizePx, 3];
  const chip = graph.input(input, shape);
  const planes = layout === 'NCHW' ? chip : graph.node('Transpose', [chip], { perm: [0, 3, 1, 2] });
  const weights = Float32Array.from({ length: dimensions * 3 * 16 }, (_, index) =>
    isConstant ? 0 : Math.sin(index * 12.9898),
  );
  const kernel = graph.floats(weights, [dimensions, 3, 4, 4]);
  const features = graph.node('Relu', [
    graph.node('Conv', [planes, kernel], { kernel_shape: [4, 4], strides: [4, 4] }),
  ]);
  const embedding = graph.node('Flatten', [graph.node('GlobalAveragePool', [features])]);
  for (const output of outputs) {
    graph.node('Identity', [embedding], {}, output);
    graph.output(output, ['N', dimensions]);
  }
  return graph.toBytes();
}
