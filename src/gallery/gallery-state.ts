import { Counterexamples } from './counterexamples.ts';
import type { AddFaceOp, GalleryOp, LogEntry } from './entry.ts';
import { FaceTable, STRANGER } from './face-table.ts';
import { Roster } from './roster.ts';
import { VectorMatrix } from './vector-matrix.ts';

/** Measured: record, id and name in their maps. */
const BYTES_A_PERSON = 400;

/** Which packs' templates a copy of the gallery keeps: a worker its own, a writer none, a compaction all. */
export type PackFilter = 'all' | readonly string[];

/** Templates of one pack. Row i of the matrix belongs to row `faceRows[i]` of the face table; copies that need no vectors leave the matrix out. */
export class Templates {
  readonly dimensions: number;
  readonly faceRows: number[] = [];
  readonly matrix: VectorMatrix | undefined;

  constructor(dimensions: number, keepsVectors: boolean) {
    this.dimensions = dimensions;
    this.matrix = keepsVectors ? new VectorMatrix(dimensions) : undefined;
  }

  push(faceRow: number, vector: Float32Array): void {
    this.faceRows.push(faceRow);
    this.matrix?.push(vector);
  }
}

/**
 * A gallery after some entry of its log. `apply` is the only way that it changes, it never fails and it looks at
 * nothing but its argument: whoever applies the same entries holds the same state.
 */
export class GalleryState {
  readonly roster = new Roster();
  readonly faces: FaceTable;
  readonly counterexamples = new Counterexamples();
  readonly templates = new Map<string, Templates>();
  /** The pack that answers; undefined before the first face: then whatever the configuration says. */
  activePack: string | undefined;
  readonly #packs: PackFilter;

  constructor(packs: PackFilter, faces = new FaceTable()) {
    this.#packs = packs;
    this.faces = faces;
  }

  keeps(packId: string): boolean {
    return this.#packs === 'all' || this.#packs.includes(packId);
  }

  get residentBytes(): number {
    const templates = [...this.templates.values()];
    const matrices = templates.reduce(
      (sum, one) => sum + (one.matrix?.residentBytes ?? 0) + one.faceRows.length * 8,
      0,
    );
    return matrices + this.faces.residentBytes + this.roster.size * BYTES_A_PERSON;
  }

  apply(entry: LogEntry): void {
    for (const op of entry.ops) this.#applyOne(op);
  }

  /** The pack's templates, made when it is the first of them. */
  templatesOf(packId: string, dimensions: number): Templates {
    let templates = this.templates.get(packId);
    if (templates === undefined) {
      templates = new Templates(dimensions, this.keeps(packId));
      this.templates.set(packId, templates);
    }
    return templates;
  }

  #applyOne(op: GalleryOp): void {
    switch (op.op) {
      case 'add-person':
        this.roster.add(op.personId, op.name, op.externalId);
        break;
      case 'add-face':
        this.#addFace(op);
        break;
      case 'add-template':
        this.#addTemplate(this.faces.rowOf(op.faceId), op.packId, op.vector);
        break;
      case 'rename':
        this.#rename(op.personId, op.name);
        break;
      case 'set-external-id':
        this.#setExternalId(op.personId, op.externalId);
        break;
      case 'move-face':
        this.#moveFace(op);
        break;
      case 'merge':
        this.#merge(op.from, op.into);
        break;
      case 'remove-person':
        this.#removePerson(op);
        break;
      case 'remove-face':
        this.#removeFace(this.faces.rowOf(op.faceId));
        break;
      case 'use-pack':
        this.activePack = op.packId;
    }
  }

  #addFace(op: AddFaceOp): void {
    const person = this.roster.indexOf(op.personId);
    if (person === undefined) return;
    const { vector, packId, personId: _, op: __, ...facts } = op;
    this.templatesOf(packId, vector.length).push(this.faces.push({ ...facts, person }), vector);
  }

  /** A face that was re-embedded twice keeps its first template. */
  #addTemplate(faceRow: number, packId: string, vector: Float32Array): void {
    if (!this.faces.isLive(faceRow)) return;
    const templates = this.templatesOf(packId, vector.length);
    if (!templates.faceRows.includes(faceRow)) templates.push(faceRow, vector);
  }

  #rename(personId: string, name: string): void {
    const index = this.roster.indexOf(personId);
    if (index !== undefined) this.roster.rename(index, name);
  }

  #merge(fromId: string, intoId: string): void {
    const from = this.roster.indexOf(fromId);
    const into = this.roster.indexOf(intoId);
    if (from === undefined || into === undefined || from === into) return;
    const notFrom = [...this.counterexamples.of(from)];
    for (const row of this.faces.rowsOf(from)) this.faces.person[row] = into;
    this.roster.merge(from, into);
    this.counterexamples.forgetPerson(from);
    for (const row of notFrom) this.counterexamples.add(into, row);
    // What was a face of one and no face of the other: they are one person, so it is theirs.
    for (const row of [...this.counterexamples.of(into)])
      if (this.faces.person[row] === into) this.counterexamples.remove(into, row);
  }

  #setExternalId(personId: string, externalId: string | null): void {
    const index = this.roster.indexOf(personId);
    if (index !== undefined) this.roster.setExternalId(index, externalId);
  }

  /** Somebody who is gone by then counts as nobody. */
  #moveFace({ faceId, from, to }: Extract<GalleryOp, { op: 'move-face' }>): void {
    const row = this.faces.rowOf(faceId);
    if (row === -1) return;
    const notThem = this.roster.indexOf(from);
    const them = to === null ? undefined : this.roster.indexOf(to);
    this.faces.person[row] = them ?? STRANGER;
    if (them !== undefined) this.counterexamples.remove(them, row);
    if (notThem !== undefined && notThem !== them) this.counterexamples.add(notThem, row);
    if (them === undefined && !this.counterexamples.isUsed(row)) this.#removeFace(row);
  }

  /** Faces that are nobody's, and no counterexample but of this person: they have no reason to stay without them. */
  strangersOnlyFor(person: number): number[] {
    const rows = [...this.counterexamples.of(person)].filter((row) => this.faces.person[row] === STRANGER);
    return rows.filter((row) => this.counterexamples.isOnlyOf(person, row));
  }

  #removePerson(op: Extract<GalleryOp, { op: 'remove-person' }>): void {
    const personId = this.roster.resolve(op.personId);
    const index = this.roster.indexOf(personId);
    if (index !== undefined) {
      const rows = [...this.faces.rowsOf(index), ...this.strangersOnlyFor(index)];
      for (const row of rows) this.#removeFace(row);
      this.counterexamples.forgetPerson(index);
    }
    this.roster.erase({ personId, at: op.at, seal: op.seal });
  }

  /** The floats are zeroed too: what is erased is not to be found in a memory dump either. */
  #removeFace(faceRow: number): void {
    if (!this.faces.isLive(faceRow)) return;
    this.faces.remove(faceRow);
    this.counterexamples.forgetFace(faceRow);
    for (const { faceRows, matrix } of this.templates.values()) {
      for (let row = faceRows.indexOf(faceRow); row !== -1; row = faceRows.indexOf(faceRow, row + 1))
        matrix?.row(row).fill(0);
    }
  }
}
