import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { FacefleetError } from '../errors.ts';

/**
 * The one binary layout of everything a gallery stores (log entries, base segments, exports):
 *
 *     8 bytes   "FFGALLRY"
 *     u32       format version
 *     u32       length of the header
 *     header    JSON, padded with spaces to a multiple of 8 bytes; names its `kind`
 *     body      bytes whose meaning the header tells; float32 are little-endian
 *     u32       CRC-32 of all before
 *
 * Integers are little-endian. Both directions stream, so a segment of a million faces never lies in memory twice.
 */
const MAGIC = Buffer.from('FFGALLRY', 'latin1');
export const CONTAINER_VERSION = 1;
const PREFIX_BYTES = 16;
const MAX_HEADER_BYTES = 512 * 1024 * 1024;

/** Yields the container piece by piece. */
export function* encodeContainer(header: object, body: Iterable<Uint8Array>): Generator<Uint8Array> {
  const head = encodeHead(header);
  let sum = crc32(head);
  yield head;
  for (const piece of body) {
    sum = crc32(piece, sum);
    yield piece;
  }
  yield encodeSum(sum);
}

/** As `encodeContainer`, for a body that is read on the way. */
export async function* streamContainer(
  header: object,
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const head = encodeHead(header);
  let sum = crc32(head);
  yield head;
  for await (const piece of body) {
    sum = crc32(piece, sum);
    yield piece;
  }
  yield encodeSum(sum);
}

function encodeHead(header: object): Buffer {
  const json = Buffer.from(JSON.stringify(header));
  const padding = (8 - ((PREFIX_BYTES + json.length) % 8)) % 8;
  const head = Buffer.alloc(PREFIX_BYTES + json.length + padding, ' ');
  MAGIC.copy(head);
  head.writeUInt32LE(CONTAINER_VERSION, 8);
  head.writeUInt32LE(json.length + padding, 12);
  json.copy(head, PREFIX_BYTES);
  return head;
}

function encodeSum(sum: number): Buffer {
  const trailer = Buffer.alloc(4);
  trailer.writeUInt32LE(sum);
  return trailer;
}

/** Reads a container front to back; `finish()` proves that nothing is missing, altered or left over. */
export class ContainerReader {
  readonly #source: AsyncIterator<Uint8Array> | Iterator<Uint8Array>;
  readonly #name: string;
  #piece: Uint8Array = new Uint8Array(0);
  #offset = 0;
  #sum = 0;

  /** `name` is the object's key or file, for errors. */
  constructor(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, name: string) {
    this.#source =
      Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
    this.#name = name;
  }

  /** @throws FacefleetError `data-corrupt` when this is no container of that kind or a newer format. */
  async header<T extends object>(kind: string): Promise<T> {
    const prefix = await this.read(PREFIX_BYTES);
    const view = new DataView(prefix.buffer);
    if (!MAGIC.equals(prefix.subarray(0, 8))) throw this.#corrupt('does not begin as a gallery file does');
    const version = view.getUint32(8, true);
    if (version !== CONTAINER_VERSION)
      throw this.#corrupt(`has format ${version}, expected ${CONTAINER_VERSION}`);
    const length = view.getUint32(12, true);
    if (length > MAX_HEADER_BYTES) throw this.#corrupt(`has a header of ${length} bytes`);
    const header = this.#parse(await this.read(length));
    if (header.kind !== kind) throw this.#corrupt(`is ${JSON.stringify(header.kind)}, expected "${kind}"`);
    return header as unknown as T;
  }

  async read(bytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const target = new Uint8Array(bytes);
    await this.readInto(target);
    return target;
  }

  /** Fills the target with the next bytes. */
  async readInto(target: Uint8Array): Promise<void> {
    let filled = 0;
    while (filled < target.length) {
      if (this.#offset === this.#piece.length) await this.#advance();
      const part = this.#piece.subarray(this.#offset, this.#offset + target.length - filled);
      target.set(part, filled);
      this.#sum = crc32(part, this.#sum);
      filled += part.length;
      this.#offset += part.length;
    }
  }

  /** Checks the sum and that the file ends here. */
  async finish(): Promise<void> {
    const expected = this.#sum;
    const stored = new DataView((await this.read(4)).buffer).getUint32(0, true);
    if (stored !== expected) throw this.#corrupt('does not match its checksum');
    const next = this.#offset === this.#piece.length ? await this.#source.next() : undefined;
    if (next === undefined || (!next.done && next.value.length > 0))
      throw this.#corrupt('goes on after its end');
  }

  async #advance(): Promise<void> {
    const next = await this.#source.next();
    if (next.done) throw this.#corrupt('ends too early');
    this.#piece = next.value;
    this.#offset = 0;
  }

  #parse(json: Uint8Array): { kind?: unknown } {
    try {
      return JSON.parse(Buffer.from(json.buffer).toString('utf8')) as { kind?: unknown };
    } catch (error) {
      throw this.#corrupt('has a header that is no JSON', error);
    }
  }

  #corrupt(what: string, cause?: unknown): FacefleetError {
    return new FacefleetError('data-corrupt', `the gallery file ${this.#name} ${what}`, { cause });
  }
}

/** The bytes of a typed array, without copying. */
export function bytesOf(array: Float32Array | Uint32Array | Float64Array | Uint8Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
