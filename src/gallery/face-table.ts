import { Buffer } from 'node:buffer';

/** No person: the face was removed. */
export const NOBODY = 0xffff_ffff;
/** No person, but kept: the face is only a counterexample, of people whom it was taken for. */
export const STRANGER = 0xffff_fffe;

/** Facts of one face as they are put in and read out; ids are UUIDs. */
export interface FaceRecord {
  readonly faceId: string;
  /** Index of the person in the roster. */
  readonly person: number;
  readonly sizePx: number;
  readonly embeddingNorm: number;
  /** Hex. */
  readonly pictureSha256: string;
  /** Milliseconds since the epoch. */
  readonly addedAt: number;
  readonly source?: string;
  /** What the caller calls it. */
  readonly externalId?: string;
}

/**
 * All faces of a gallery as columns: 68 bytes a face where objects would take five times that. Rows are appended and
 * never reused; a removed face belongs to NOBODY. Look-ups scan a column: a million faces take about a millisecond.
 */
export class FaceTable {
  #capacity = 0;
  #rows = 0;
  #live = 0;
  person: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  sizePx: Float32Array<ArrayBuffer> = new Float32Array(0);
  #norm: Float32Array<ArrayBuffer> = new Float32Array(0);
  #addedAt: Float64Array<ArrayBuffer> = new Float64Array(0);
  /** 16 bytes a face, as four words so that scans compare words. */
  #ids: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  /** 32 bytes a face. */
  #sha: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  readonly #sources = new Map<number, string>();
  readonly #externalIds = new Map<number, string>();

  get rows(): number {
    return this.#rows;
  }

  /** Faces that were not removed. */
  get live(): number {
    return this.#live;
  }

  get residentBytes(): number {
    return this.#capacity * 68;
  }

  push(face: FaceRecord): number {
    if (this.#rows === this.#capacity) this.reserve(Math.max(64, this.#capacity * 2));
    const row = this.#rows++;
    this.#live++;
    this.person[row] = face.person;
    this.sizePx[row] = face.sizePx;
    this.#norm[row] = face.embeddingNorm;
    this.#addedAt[row] = face.addedAt;
    this.#ids.set(idWords(face.faceId), row * 4);
    this.#sha.set(words(face.pictureSha256, 8), row * 8);
    if (face.source !== undefined) this.#sources.set(row, face.source);
    if (face.externalId !== undefined) this.#externalIds.set(row, face.externalId);
    return row;
  }

  /** Makes room for that many rows in all. */
  reserve(capacity: number): void {
    if (capacity <= this.#capacity) return;
    this.#capacity = capacity;
    this.person = grown(this.person, new Uint32Array(capacity));
    this.sizePx = grown(this.sizePx, new Float32Array(capacity));
    this.#norm = grown(this.#norm, new Float32Array(capacity));
    this.#addedAt = grown(this.#addedAt, new Float64Array(capacity));
    this.#ids = grown(this.#ids, new Uint32Array(capacity * 4));
    this.#sha = grown(this.#sha, new Uint32Array(capacity * 8));
  }

  get(row: number): FaceRecord {
    const source = this.#sources.get(row);
    const externalId = this.#externalIds.get(row);
    return {
      faceId: this.idAt(row),
      person: this.person[row] ?? NOBODY,
      sizePx: this.sizePx[row] ?? 0,
      embeddingNorm: this.#norm[row] ?? 0,
      addedAt: this.#addedAt[row] ?? 0,
      pictureSha256: hex(this.#sha.subarray(row * 8, row * 8 + 8)),
      ...(source === undefined ? {} : { source }),
      ...(externalId === undefined ? {} : { externalId }),
    };
  }

  idAt(row: number): string {
    const text = hex(this.#ids.subarray(row * 4, row * 4 + 4));
    return text.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }

  isLive(row: number): boolean {
    return row < this.#rows && this.person[row] !== NOBODY;
  }

  /** Row of a face that was not removed, or -1. */
  rowOf(faceId: string): number {
    const wanted = idWords(faceId);
    for (let row = this.#rows - 1; row >= 0; row--) {
      if (this.#ids[row * 4] === wanted[0] && this.isLive(row) && sameWords(this.#ids, row * 4, wanted))
        return row;
    }
    return -1;
  }

  /** Row of a live face of this person that came from this picture, or -1. */
  rowOfPicture(person: number, pictureSha256: string): number {
    const wanted = words(pictureSha256, 8);
    for (let row = this.#rows - 1; row >= 0; row--) {
      const isCandidate = this.person[row] === person && this.#sha[row * 8] === wanted[0];
      if (isCandidate && sameWords(this.#sha, row * 8, wanted)) return row;
    }
    return -1;
  }

  rowsOf(person: number): number[] {
    const rows: number[] = [];
    for (let row = 0; row < this.#rows; row++) if (this.person[row] === person) rows.push(row);
    return rows;
  }

  liveRows(): number[] {
    const rows: number[] = [];
    for (let row = 0; row < this.#rows; row++) if (this.person[row] !== NOBODY) rows.push(row);
    return rows;
  }

  remove(row: number): void {
    if (!this.isLive(row)) return;
    this.person[row] = NOBODY;
    this.#ids.fill(0, row * 4, row * 4 + 4);
    this.#sha.fill(0, row * 8, row * 8 + 8);
    this.#sources.delete(row);
    this.#externalIds.delete(row);
    this.#live--;
  }

  /** The columns of all rows, in the order that `fromColumns` takes them; only for a table without removed rows. */
  columns(): (Uint32Array | Float32Array | Float64Array)[] {
    return [
      this.#addedAt.subarray(0, this.#rows),
      this.person.subarray(0, this.#rows),
      this.sizePx.subarray(0, this.#rows),
      this.#norm.subarray(0, this.#rows),
      this.#ids.subarray(0, this.#rows * 4),
      this.#sha.subarray(0, this.#rows * 8),
    ];
  }

  /** A table of so many rows whose columns are still zero, and the columns to fill, in the order of `columns()`. */
  static withRows(rows: number): {
    table: FaceTable;
    columns: (Uint32Array | Float32Array | Float64Array)[];
  } {
    const table = new FaceTable();
    table.reserve(rows);
    table.#rows = rows;
    table.#live = rows;
    return { table, columns: table.columns() };
  }

  sources(): [row: number, source: string][] {
    return [...this.#sources];
  }

  setSource(row: number, source: string): void {
    this.#sources.set(row, source);
  }

  externalIds(): [row: number, externalId: string][] {
    return [...this.#externalIds];
  }

  setExternalId(row: number, externalId: string): void {
    this.#externalIds.set(row, externalId);
  }
}

function idWords(id: string): Uint32Array {
  return words(id.replaceAll('-', ''), 4);
}

function words(hexText: string, count: number): Uint32Array {
  const result = new Uint32Array(count);
  Buffer.from(result.buffer).write(hexText, 'hex');
  return result;
}

function hex(values: Uint32Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('hex');
}

function sameWords(column: Uint32Array, offset: number, wanted: Uint32Array): boolean {
  for (let at = 0; at < wanted.length; at++) if (column[offset + at] !== wanted[at]) return false;
  return true;
}

function grown<T extends Uint32Array | Float32Array | Float64Array>(old: T, fresh: T): T {
  fresh.set(old);
  return fresh;
}
