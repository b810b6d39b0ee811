import { ModelError } from '../errors.ts';
import { fusePrelu } from './fuse-prelu.ts';
import { channelsFirst, channelsFirstKernel } from './layout.ts';
import { type Attribute, type Dimension, OnnxGraph } from './onnx-graph.ts';
import type { TfliteGraph, TfliteOperator, TfliteTensor, WindowOptions } from './tflite-reader.ts';

export interface OnnxNaming {
  readonly name: string;
  readonly input: string;
  /** In the order of the TFLite graph's outputs. */
  readonly outputs: readonly string[];
  /** Height and width free too (the network is fully convolutional), not only the batch. */
  readonly hasFreeSize?: boolean;
}

/**
 * Writes a TFLite graph as ONNX: pictures NCHW instead of NHWC, batch free, parametric ReLUs as two depthwise convolutions.
 *
 * @throws ModelError when an operator stands where none of our models has it.
 */
export function tfliteToOnnx(source: TfliteGraph, naming: OnnxNaming): Uint8Array {
  return new Converter(fusePrelu(source), naming).convert();
}

class Converter {
  readonly #source: TfliteGraph;
  readonly #naming: OnnxNaming;
  readonly #graph: OnnxGraph;
  /** Names of the tensors computed so far, by their index in the TFLite graph. */
  readonly #names = new Map<number, string>();

  constructor(source: TfliteGraph, naming: OnnxNaming) {
    this.#source = source;
    this.#naming = naming;
    this.#graph = new OnnxGraph(naming.name);
  }

  convert(): Uint8Array {
    const [input] = this.#source.inputs;
    this.#names.set(input!, this.#graph.input(this.#naming.input, this.#freeShape(input!)));
    for (const operator of this.#source.operators) this.#emit(operator);
    for (const [index, name] of this.#naming.outputs.entries()) {
      const output = this.#source.outputs[index]!;
      this.#graph.node('Identity', [this.#name(output)], {}, name);
      this.#graph.output(name, this.#freeShape(output));
    }
    return this.#graph.toBytes();
  }

  #emit(operator: TfliteOperator): void {
    this.#names.set(operator.outputs[0]!, this.#node(operator));
  }

  #node(operator: TfliteOperator): string {
    const [first, second] = operator.inputs as [number, number];
    switch (operator.kind) {
      case 'CONV_2D':
      case 'DEPTHWISE_CONV_2D':
        return this.#convolution(operator);
      case 'MAX_POOL_2D': {
        const { filterHeight, filterWidth } = operator.options;
        const attributes = {
          ...windowAttributes(operator.options),
          kernel_shape: [filterHeight, filterWidth],
        };
        return this.#graph.node('MaxPool', [this.#name(first)], attributes);
      }
      case 'PRELU':
        return this.#prelu(first, second);
      case 'FULLY_CONNECTED':
        return this.#fullyConnected(operator);
      case 'RESHAPE':
        return this.#reshape(first, this.#tensor(operator.outputs[0]!).shape);
      case 'PAD':
        return this.#pad(first, second);
      case 'RESIZE_BILINEAR':
        return this.#resize(operator);
      case 'CONCATENATION': {
        const axis = this.#axis(operator.options.axis, operator.outputs[0]!);
        return this.#graph.node(
          'Concat',
          operator.inputs.map((one) => this.#name(one)),
          { axis },
        );
      }
      case 'REDUCE_MAX': {
        const attributes = {
          axes: [...(this.#tensor(second).data ?? [])],
          keepdims: Number(operator.options.keepDims),
        };
        return this.#graph.node('ReduceMax', [this.#name(first)], attributes);
      }
      case 'SUM': {
        const axes = this.#graph.integers([...(this.#tensor(second).data ?? [])]);
        return this.#graph.node('ReduceSum', [this.#name(first), axes], {
          keepdims: Number(operator.options.keepDims),
        });
      }
      default:
        return this.#elementwise(operator.kind, operator.inputs);
    }
  }

  #elementwise(kind: keyof typeof ELEMENTWISE | 'ABS' | 'NEG' | 'MUL', inputs: readonly number[]): string {
    if (!(kind in ELEMENTWISE)) throw new ModelError(`a ${kind} stands outside a parametric ReLU`);
    return this.#graph.node(
      ELEMENTWISE[kind as keyof typeof ELEMENTWISE],
      inputs.map((one) => this.#name(one)),
    );
  }

  #convolution(operator: TfliteOperator & { kind: 'CONV_2D' | 'DEPTHWISE_CONV_2D' }): string {
    const [input, weightIndex, biasIndex] = operator.inputs as [number, number, number];
    const weights = this.#tensor(weightIndex);
    const isDepthwise = operator.kind === 'DEPTHWISE_CONV_2D';
    const kernel = channelsFirstKernel(floatsOf(weights), weights.shape, isDepthwise ? 'depthwise' : 'full');
    const constants = [
      this.#graph.floats(kernel.data, kernel.shape),
      this.#graph.floats(floatsOf(this.#tensor(biasIndex)), [kernel.shape[0]!]),
    ];
    return this.#graph.node('Conv', [this.#name(input), ...constants], {
      ...windowAttributes(operator.options),
      kernel_shape: kernel.shape.slice(2),
      group: isDepthwise ? kernel.shape[0]! : 1,
    });
  }

  /**
   * relu(x) · (1 - a) + x · a. On feature maps both products are depthwise 1x1 convolutions, which ONNX Runtime fuses with
   * their neighbours: MobileFaceNet takes 5.6 ms that way and 11.8 with its PRelu. (`max(x, ax)` is wrong: some slopes exceed 1.)
   */
  #prelu(source: number, slopeIndex: number): string {
    const slopes = floatsOf(this.#tensor(slopeIndex));
    const x = this.#name(source);
    const positive = this.#graph.node('Relu', [x]);
    const rest = slopes.map((slope) => 1 - slope);
    const isMap = this.#tensor(source).shape.length === 4;
    const scale = (value: string, factors: Float32Array) =>
      isMap
        ? this.#graph.node('Conv', [value, this.#graph.floats(factors, [factors.length, 1, 1, 1])], {
            kernel_shape: [1, 1],
            group: factors.length,
          })
        : this.#graph.node('Mul', [value, this.#graph.floats(factors, [factors.length])]);
    return this.#graph.node('Add', [scale(positive, rest), scale(x, slopes)]);
  }

  #fullyConnected({ inputs }: TfliteOperator): string {
    const [input, weightIndex, biasIndex] = inputs as [number, number, number];
    const weights = this.#tensor(weightIndex);
    const flat = this.#reshape(input, [1, weights.shape[1]!]);
    const constants = [
      this.#graph.floats(floatsOf(weights), weights.shape),
      this.#graph.floats(floatsOf(this.#tensor(biasIndex)), [weights.shape[0]!]),
    ];
    return this.#graph.node('Gemm', [flat, ...constants], { transB: 1 });
  }

  /** Keeps the batch and the last axis; what lies between follows from the size. */
  #reshape(input: number, shape: readonly number[]): string {
    const isMap = this.#tensor(input).shape.length === 4;
    const x = isMap
      ? this.#graph.node('Transpose', [this.#name(input)], { perm: [0, 2, 3, 1] })
      : this.#name(input);
    const wanted = shape.length === 2 ? [0, shape[1]!] : [0, -1, shape[2]!];
    if (shape.length > 3) throw new ModelError(`a RESHAPE to ${shape.length} axes, expected 2 or 3`);
    return this.#graph.node('Reshape', [x, this.#graph.integers(wanted)]);
  }

  #pad(input: number, amountsIndex: number): string {
    // Pairs (before, after), an axis each.
    const amounts = this.#tensor(amountsIndex).data!;
    const axes = channelsFirst([0, 1, 2, 3]);
    const pads = [...axes.map((axis) => amounts[2 * axis]!), ...axes.map((axis) => amounts[2 * axis + 1]!)];
    return this.#graph.node('Pad', [this.#name(input), this.#graph.integers(pads)]);
  }

  #resize(operator: TfliteOperator & { kind: 'RESIZE_BILINEAR' }): string {
    const from = this.#tensor(operator.inputs[0]!).shape;
    const to = this.#tensor(operator.outputs[0]!).shape;
    const scales = channelsFirst(to.map((size, axis) => size / from[axis]!));
    return this.#graph.node(
      'Resize',
      [this.#name(operator.inputs[0]!), '', this.#graph.floats(Float32Array.from(scales), [4])],
      {
        mode: 'linear',
        coordinate_transformation_mode: operator.options.halfPixelCentres ? 'half_pixel' : 'asymmetric',
      },
    );
  }

  /** Where an axis of this tensor has gone. */
  #axis(axis: number, tensor: number): number {
    return this.#tensor(tensor).shape.length === 4 ? channelsFirst([0, 1, 2, 3]).indexOf(axis) : axis;
  }

  #freeShape(index: number): Dimension[] {
    const { shape } = this.#tensor(index);
    const isMap = shape.length === 4;
    const [, ...fixed] = isMap ? channelsFirst(shape) : shape;
    if (!this.#naming.hasFreeSize) return ['N', ...fixed];
    return isMap ? ['N', fixed[0]!, 'H', 'W'] : ['N', 'cells', ...fixed.slice(1)];
  }

  #tensor(index: number): TfliteTensor {
    return this.#source.tensors[index]!;
  }

  #name(index: number): string {
    const name = this.#names.get(index);
    if (name === undefined)
      throw new ModelError(
        `the operand ${this.#tensor(index).name} is a constant, expected a computed tensor`,
      );
    return name;
  }
}

const ELEMENTWISE = { ADD: 'Add', SUB: 'Sub', DIV: 'Div', RELU: 'Relu', EXP: 'Exp' } as const;

function windowAttributes({ padding, strideHeight, strideWidth }: WindowOptions): Record<string, Attribute> {
  return { auto_pad: padding === 'SAME' ? 'SAME_UPPER' : 'VALID', strides: [strideHeight, strideWidth] };
}

function floatsOf({ name, data }: TfliteTensor): Float32Array {
  if (!(data instanceof Float32Array))
    throw new ModelError(`the operand ${name} is computed, expected constant floats`);
  return data;
}
