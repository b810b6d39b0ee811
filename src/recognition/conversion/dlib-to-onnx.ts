import { ModelError } from '../errors.ts';
import { channelsFirstKernel } from './layout.ts';
import { OnnxGraph } from './onnx-graph.ts';
import type { TfjsTensor } from './tfjs-weights.ts';

/** A square feature map of the graph under construction. */
interface FeatureMap {
  readonly name: string;
  readonly sidePx: number;
  readonly channels: number;
}

/** The residual blocks in order; a `down` block halves the map, as the first convolution does. */
const BLOCKS = [
  ...['conv32_1', 'conv32_2', 'conv32_3'],
  ...['conv64_down', 'conv64_1', 'conv64_2', 'conv64_3'],
  ...['conv128_down', 'conv128_1', 'conv128_2'],
  ...['conv256_down', 'conv256_1', 'conv256_2', 'conv256_down_out'],
];
const INPUT_SIDE_PX = 150;

/**
 * Writes dlib's face recognition network, a ResNet of 29 layers whose graph is known and whose weights have the names
 * that face-api gave them. The scale layer behind each convolution (x · weights + biases) is folded into it.
 *
 * Input `chip` [N, 3, 150, 150], output `embedding` [N, 128].
 */
export function dlibToOnnx(weights: ReadonlyMap<string, TfjsTensor>): Uint8Array {
  return new DlibWriter(weights).write();
}

class DlibWriter {
  readonly #weights: ReadonlyMap<string, TfjsTensor>;
  readonly #graph = new OnnxGraph('dlib-resnet');

  constructor(weights: ReadonlyMap<string, TfjsTensor>) {
    this.#weights = weights;
  }

  write(): Uint8Array {
    const graph = this.#graph;
    const name = graph.input('chip', ['N', 3, INPUT_SIDE_PX, INPUT_SIDE_PX]);
    const stem = this.#relu(
      this.#convolution({ name, sidePx: INPUT_SIDE_PX, channels: 3 }, 'conv32_down', 2),
    );
    let map = this.#pool(stem, 'MaxPool', 3);
    for (const block of BLOCKS) map = this.#residual(map, block);
    const average = graph.node('Flatten', [graph.node('GlobalAveragePool', [map.name])]);
    const { data, shape } = this.#tensor('fc');
    graph.node('MatMul', [average, graph.floats(data, shape)], {}, 'embedding');
    graph.output('embedding', ['N', shape[1]!]);
    return graph.toBytes();
  }

  #residual(input: FeatureMap, block: string): FeatureMap {
    const isDown = block.includes('_down');
    const inner = this.#relu(this.#convolution(input, `${block}/conv1`, isDown ? 2 : 1));
    const outer = this.#convolution(inner, `${block}/conv2`, 1);
    const shortcut = isDown ? this.#pool(input, 'AveragePool', 2) : input;
    // dlib adds maps of different sizes by taking what is missing as zeros.
    const sidePx = Math.max(outer.sidePx, shortcut.sidePx);
    const operands = [shortcut, outer].map((map) => this.#pad(map, sidePx, outer.channels).name);
    return this.#relu({ name: this.#graph.node('Add', operands), sidePx, channels: outer.channels });
  }

  /** Steps of 2 use no padding, steps of 1 keep the size. */
  #convolution(input: FeatureMap, layer: string, stride: 1 | 2): FeatureMap {
    const filters = this.#tensor(`${layer}/conv/filters`);
    const [scale, shift] = [
      this.#tensor(`${layer}/scale/weights`).data,
      this.#tensor(`${layer}/scale/biases`).data,
    ];
    const bias = this.#tensor(`${layer}/conv/bias`).data.map(
      (value, channel) => value * scale[channel]! + shift[channel]!,
    );
    const { data, shape } = channelsFirstKernel(filters.data, filters.shape, 'tfjs');
    const [channels, , side] = shape;
    for (const [channel, factor] of scale.entries()) {
      const filter = data.subarray(
        (channel * data.length) / channels,
        ((channel + 1) * data.length) / channels,
      );
      for (let index = 0; index < filter.length; index++) filter[index]! *= factor;
    }
    const border = stride === 1 ? (side - 1) / 2 : 0;
    const operands = [input.name, this.#graph.floats(data, shape), this.#graph.floats(bias, [channels])];
    const name = this.#graph.node('Conv', operands, {
      kernel_shape: [side, side],
      strides: [stride, stride],
      pads: [border, border, border, border],
    });
    return { name, channels, sidePx: Math.floor((input.sidePx + 2 * border - side) / stride) + 1 };
  }

  #pool(input: FeatureMap, type: 'MaxPool' | 'AveragePool', side: number): FeatureMap {
    const name = this.#graph.node(type, [input.name], { kernel_shape: [side, side], strides: [2, 2] });
    return { ...input, name, sidePx: Math.floor((input.sidePx - side) / 2) + 1 };
  }

  /** Zeros to the right, below, and as further channels. */
  #pad(map: FeatureMap, sidePx: number, channels: number): FeatureMap {
    if (map.sidePx === sidePx && map.channels === channels) return map;
    const missing = sidePx - map.sidePx;
    const pads = this.#graph.integers([0, 0, 0, 0, 0, channels - map.channels, missing, missing]);
    return { name: this.#graph.node('Pad', [map.name, pads]), sidePx, channels };
  }

  #relu(map: FeatureMap): FeatureMap {
    return { ...map, name: this.#graph.node('Relu', [map.name]) };
  }

  #tensor(name: string): TfjsTensor {
    const tensor = this.#weights.get(name);
    if (tensor === undefined) throw new ModelError(`the weights ${name} are missing`);
    return tensor;
  }
}
