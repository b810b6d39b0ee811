import { create, toBinary } from '@bufbuild/protobuf';
import {
  type AttributeProto,
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProto_DataType,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from 'onnx-buf';

/** Sizes of a graph's input or output; a name stands for a free one. */
export type Dimension = number | string;

/** A whole number, whole numbers, or a word; none of our operators needs a float. */
export type Attribute = number | readonly number[] | string;

const OPSET_VERSION = 17;
const IR_VERSION = 8n;

/** Gathers the nodes and constants of an ONNX graph, in order, and writes them as a file: the same calls give the same bytes. */
export class OnnxGraph {
  readonly #name: string;
  readonly #nodes: NodeProto[] = [];
  readonly #constants: TensorProto[] = [];
  readonly #inputs: ValueInfoProto[] = [];
  readonly #outputs: ValueInfoProto[] = [];

  constructor(name: string) {
    this.#name = name;
  }

  input(name: string, shape: readonly Dimension[]): string {
    this.#inputs.push(valueInfo(name, shape));
    return name;
  }

  output(name: string, shape: readonly Dimension[]): void {
    this.#outputs.push(valueInfo(name, shape));
  }

  floats(data: Float32Array, shape: readonly number[]): string {
    return this.#constant(TensorProto_DataType.FLOAT, data, shape);
  }

  /** A list of int64. */
  integers(values: readonly number[]): string {
    const data = BigInt64Array.from(values, BigInt);
    return this.#constant(TensorProto_DataType.INT64, data, [values.length]);
  }

  /** Adds an operator with one output and returns that output's name. An empty input name leaves an optional input out. */
  node(
    type: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, Attribute>> = {},
    output = `v${this.#nodes.length}`,
  ): string {
    const attribute = Object.entries(attributes).map(([name, value]) => attributeProto(name, value));
    this.#nodes.push(
      create(NodeProtoSchema, { opType: type, input: [...inputs], output: [output], attribute }),
    );
    return output;
  }

  toBytes(): Uint8Array {
    const graph = create(GraphProtoSchema, {
      name: this.#name,
      node: this.#nodes,
      initializer: this.#constants,
      input: this.#inputs,
      output: this.#outputs,
    });
    const model = create(ModelProtoSchema, {
      irVersion: IR_VERSION,
      producerName: 'facefleet',
      opsetImport: [{ domain: '', version: BigInt(OPSET_VERSION) }],
      graph,
    });
    return toBinary(ModelProtoSchema, model);
  }

  #constant(
    dataType: TensorProto_DataType,
    data: Float32Array | BigInt64Array,
    shape: readonly number[],
  ): string {
    const name = `c${this.#constants.length}`;
    // Raw data is little-endian by ONNX's rules, and so is every machine that Node runs on today.
    const rawData = new Uint8Array(data.slice().buffer);
    this.#constants.push(create(TensorProtoSchema, { name, dataType, dims: shape.map(BigInt), rawData }));
    return name;
  }
}

function attributeProto(name: string, value: Attribute): AttributeProto {
  if (typeof value === 'string') {
    const s = new TextEncoder().encode(value);
    return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.STRING, s });
  }
  if (typeof value === 'number') {
    return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) });
  }
  return create(AttributeProtoSchema, {
    name,
    type: AttributeProto_AttributeType.INTS,
    ints: value.map(BigInt),
  });
}

function valueInfo(name: string, shape: readonly Dimension[]): ValueInfoProto {
  const dim = shape.map((size) => ({
    value:
      typeof size === 'string'
        ? { case: 'dimParam' as const, value: size }
        : { case: 'dimValue' as const, value: BigInt(size) },
  }));
  const tensorType = { elemType: TensorProto_DataType.FLOAT, shape: { dim } };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value: tensorType } } });
}
