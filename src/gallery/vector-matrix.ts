import assert from 'node:assert/strict';

const SMALLEST_CHUNK_ROWS = 256;
const LARGEST_CHUNK_ROWS = 65_536;

/** Rows of one chunk that are in use, from its start. */
export interface ChunkView {
  readonly buffer: SharedArrayBuffer;
  readonly rows: number;
}

interface Chunk {
  readonly firstRow: number;
  readonly capacity: number;
  readonly values: Float32Array<SharedArrayBuffer>;
  rows: number;
}

/**
 * Rows of float32 in shared memory, so that a thread can search them without a copy. It grows by whole chunks and
 * never moves a row: a search that runs meanwhile keeps reading what it was given.
 */
export class VectorMatrix {
  readonly dimensions: number;
  readonly #chunks: Chunk[] = [];
  #rows = 0;

  constructor(dimensions: number) {
    assert(Number.isInteger(dimensions) && dimensions > 0, `no dimensions: ${dimensions}`);
    this.dimensions = dimensions;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Of the rows in use: what a chunk has left is not touched, so the system has not given it yet. */
  get residentBytes(): number {
    return this.#rows * this.dimensions * 4;
  }

  /** Appends a row and returns its number. */
  push(vector: Float32Array): number {
    this.#next(1, this.#rows).set(vector);
    return this.#rows - 1;
  }

  /** Appends up to `wanted` rows to be filled by the caller: fewer when the chunk ends. */
  extend(wanted: number): Float32Array<SharedArrayBuffer> {
    return this.#next(wanted, wanted);
  }

  row(row: number): Float32Array<SharedArrayBuffer> {
    const chunk = this.#chunks.findLast((one) => one.firstRow <= row);
    assert(chunk !== undefined && row < this.#rows, `no row ${row} of ${this.#rows}`);
    const start = (row - chunk.firstRow) * this.dimensions;
    return chunk.values.subarray(start, start + this.dimensions);
  }

  chunks(): ChunkView[] {
    return this.#chunks.map((chunk) => ({ buffer: chunk.values.buffer, rows: chunk.rows }));
  }

  #next(wanted: number, growth: number): Float32Array<SharedArrayBuffer> {
    let chunk = this.#chunks.at(-1);
    if (chunk === undefined || chunk.rows === chunk.capacity) chunk = this.#addChunk(growth);
    const taken = Math.min(wanted, chunk.capacity - chunk.rows);
    const start = chunk.rows * this.dimensions;
    chunk.rows += taken;
    this.#rows += taken;
    return chunk.values.subarray(start, start + taken * this.dimensions);
  }

  /** A row at a time, `growth` is as much as all before it, so that chunks stay few; a bulk load says how much comes. */
  #addChunk(growth: number): Chunk {
    const capacity = Math.min(Math.max(growth, SMALLEST_CHUNK_ROWS), LARGEST_CHUNK_ROWS);
    const values = new Float32Array(new SharedArrayBuffer(capacity * this.dimensions * 4));
    const chunk: Chunk = { firstRow: this.#rows, capacity, values, rows: 0 };
    this.#chunks.push(chunk);
    return chunk;
  }
}
