import { ByteBuffer } from 'flatbuffers';

import { ModelError } from '../errors.ts';

/** A tensor of a TFLite graph, pictures in NHWC. `data` is there when it is a constant. */
export interface TfliteTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data?: Float32Array | Int32Array;
}

/** A window that slides over height and width. */
export interface WindowOptions {
  readonly padding: 'SAME' | 'VALID';
  readonly strideHeight: number;
  readonly strideWidth: number;
}

export interface PoolOptions extends WindowOptions {
  readonly filterHeight: number;
  readonly filterWidth: number;
}

interface OperatorOf<Kind extends string, Options = unknown> {
  readonly kind: Kind;
  /** Indices into the graph's tensors; -1 stands for a left-out optional one. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly options: Options;
}

/** The operators that occur in our models, and no others. */
export type TfliteOperator =
  | OperatorOf<'CONV_2D' | 'DEPTHWISE_CONV_2D', WindowOptions>
  | OperatorOf<'MAX_POOL_2D', PoolOptions>
  | OperatorOf<'CONCATENATION', { readonly axis: number }>
  | OperatorOf<'RESIZE_BILINEAR', { readonly halfPixelCentres: boolean }>
  | OperatorOf<'REDUCE_MAX' | 'SUM', { readonly keepDims: boolean }>
  | OperatorOf<'ADD' | 'SUB' | 'MUL' | 'DIV' | 'RELU' | 'NEG' | 'ABS' | 'EXP'>
  | OperatorOf<'PAD' | 'RESHAPE' | 'FULLY_CONNECTED'>
  /** Not of TFLite: what a chain of its operators amounts to (see fuse-prelu.ts); inputs are x and the slopes. */
  | OperatorOf<'PRELU'>;

export interface TfliteGraph {
  readonly tensors: readonly TfliteTensor[];
  readonly operators: readonly TfliteOperator[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/** Numbers of BuiltinOperator in TFLite's schema.fbs. */
const KINDS: Readonly<Record<number, TfliteOperator['kind'] | 'DEQUANTIZE'>> = {
  0: 'ADD',
  2: 'CONCATENATION',
  3: 'CONV_2D',
  4: 'DEPTHWISE_CONV_2D',
  6: 'DEQUANTIZE',
  9: 'FULLY_CONNECTED',
  17: 'MAX_POOL_2D',
  18: 'MUL',
  19: 'RELU',
  22: 'RESHAPE',
  23: 'RESIZE_BILINEAR',
  34: 'PAD',
  41: 'SUB',
  42: 'DIV',
  47: 'EXP',
  59: 'NEG',
  74: 'SUM',
  82: 'REDUCE_MAX',
  101: 'ABS',
};

/**
 * Reads the graph out of a `.tflite` file (a FlatBuffer). Constants come as float32 or int32: float16 weights behind
 * DEQUANTIZE are widened, and that operator vanishes.
 *
 * @throws ModelError when the file is no TFLite model or uses what our models do not.
 */
export function readTflite(file: Uint8Array): TfliteGraph {
  const bytes = new ByteBuffer(file);
  if (file.length < 8 || !bytes.__has_identifier('TFL3'))
    throw new ModelError('not a TFLite file: its mark TFL3 is missing');
  const model = new Table(bytes, bytes.readInt32(0));
  const buffers = model.tables(4);
  const graph = model.tables(2)[0];
  if (graph === undefined) throw new ModelError('the TFLite file holds no graph');
  const tensors = graph.tables(0).map((table) => readTensor(table, buffers));
  const kinds = model.tables(1).map(readKind);
  const operators: TfliteOperator[] = [];
  for (const table of graph.tables(3)) {
    const kind = kinds[table.uint32(0)]!;
    const [inputs, outputs] = [table.int32s(1), table.int32s(2)];
    if (kind === 'DEQUANTIZE')
      tensors[outputs[0]!] = { ...tensors[inputs[0]!]!, name: tensors[outputs[0]!]!.name };
    else operators.push(readOperator(kind, inputs, outputs, table.table(4)));
  }
  return { tensors, operators, inputs: graph.int32s(1), outputs: graph.int32s(2) };
}

function readKind(code: Table): TfliteOperator['kind'] | 'DEQUANTIZE' {
  // The code outgrew its byte (field 0) and moved to field 3; old files have only the byte.
  const number = Math.max(code.uint8(0), code.uint32(3));
  const kind = KINDS[number];
  if (kind === undefined) throw new ModelError(`the TFLite operator ${number} occurs in none of our models`);
  return kind;
}

function readTensor(table: Table, buffers: readonly Table[]): TfliteTensor {
  const [name, shape] = [table.string(3), table.int32s(0)];
  const raw = buffers[table.uint32(2)]?.bytes(0);
  if (raw === undefined || raw.length === 0) return { name, shape };
  // A copy: the file may lie at any offset, typed arrays want aligned ones.
  const { buffer } = new Uint8Array(raw);
  const type = table.uint8(1);
  if (type === 0) return { name, shape, data: new Float32Array(buffer) };
  if (type === 1) return { name, shape, data: widenFloat16(new Uint16Array(buffer)) };
  if (type === 2) return { name, shape, data: new Int32Array(buffer) };
  throw new ModelError(
    `the constant ${name} has TFLite type ${type}, expected float32 (0), float16 (1) or int32 (2)`,
  );
}

function readOperator(
  kind: TfliteOperator['kind'],
  inputs: readonly number[],
  outputs: readonly number[],
  options: Table | undefined,
): TfliteOperator {
  const base = { inputs, outputs };
  const byte = (field: number) => options?.uint8(field) ?? 0;
  const word = (field: number, fallback = 0) => options?.uint32(field, fallback) ?? fallback;
  const window = (): WindowOptions => ({
    padding: byte(0) === 0 ? 'SAME' : 'VALID',
    strideWidth: word(1),
    strideHeight: word(2),
  });
  const plain = (activation: number, dilations: readonly number[] = []) => {
    if (activation !== 0 || dilations.some((dilation) => dilation !== 1)) {
      throw new ModelError(`a ${kind} carries an activation or a dilation, which none of our models does`);
    }
  };
  switch (kind) {
    case 'CONV_2D':
      plain(byte(3), [word(4, 1), word(5, 1)]);
      return { ...base, kind, options: window() };
    case 'DEPTHWISE_CONV_2D':
      plain(byte(4), [word(5, 1), word(6, 1)]);
      return { ...base, kind, options: window() };
    case 'MAX_POOL_2D':
      plain(byte(5));
      return { ...base, kind, options: { ...window(), filterWidth: word(3), filterHeight: word(4) } };
    case 'CONCATENATION':
      plain(byte(1));
      return { ...base, kind, options: { axis: word(0) } };
    case 'RESIZE_BILINEAR':
      return { ...base, kind, options: { halfPixelCentres: byte(3) !== 0 } };
    case 'REDUCE_MAX':
    case 'SUM':
      return { ...base, kind, options: { keepDims: byte(0) !== 0 } };
    default:
      if (['ADD', 'SUB', 'MUL', 'DIV', 'FULLY_CONNECTED'].includes(kind)) plain(byte(0));
      return { ...base, kind, options: {} };
  }
}

/** IEEE half precision to single; exact. */
function widenFloat16(halves: Uint16Array): Float32Array {
  const data = new Float32Array(halves.length);
  for (let index = 0; index < data.length; index++) data[index] = fromHalf(halves[index]!);
  return data;
}

function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** A FlatBuffers table: fields by their number in the schema, with FlatBuffers' defaults for absent ones. */
class Table {
  readonly #bytes: ByteBuffer;
  readonly #position: number;

  constructor(bytes: ByteBuffer, position: number) {
    this.#bytes = bytes;
    this.#position = position;
  }

  uint8(field: number): number {
    const at = this.#at(field);
    return at === undefined ? 0 : this.#bytes.readUint8(at);
  }

  uint32(field: number, fallback = 0): number {
    const at = this.#at(field);
    return at === undefined ? fallback : this.#bytes.readUint32(at);
  }

  string(field: number): string {
    const at = this.#at(field);
    return at === undefined ? '' : String(this.#bytes.__string(at));
  }

  table(field: number): Table | undefined {
    const at = this.#at(field);
    return at === undefined ? undefined : new Table(this.#bytes, this.#bytes.__indirect(at));
  }

  tables(field: number): Table[] {
    return this.#vector(field, 4, (at) => new Table(this.#bytes, this.#bytes.__indirect(at)));
  }

  int32s(field: number): number[] {
    return this.#vector(field, 4, (at) => this.#bytes.readInt32(at));
  }

  /** A view into the file; undefined when the field is absent. */
  bytes(field: number): Uint8Array | undefined {
    const at = this.#at(field);
    if (at === undefined) return undefined;
    const start = this.#bytes.__vector(at);
    return this.#bytes.bytes().subarray(start, start + this.#bytes.__vector_len(at));
  }

  #vector<T>(field: number, stride: number, read: (at: number) => T): T[] {
    const at = this.#at(field);
    if (at === undefined) return [];
    const start = this.#bytes.__vector(at);
    return Array.from({ length: this.#bytes.__vector_len(at) }, (_, index) => read(start + index * stride));
  }

  #at(field: number): number | undefined {
    const offset = this.#bytes.__offset(this.#position, 4 + 2 * field);
    return offset === 0 ? undefined : this.#position + offset;
  }
}
