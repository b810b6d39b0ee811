import { randomUUID } from 'node:crypto';
import { FacefleetError, NotFoundError } from '../errors.ts';
import type { Decision } from './commit-log.ts';
import type { GalleryOp } from './entry.ts';
import { STRANGER } from './face-table.ts';
import type { GalleryState } from './gallery-state.ts';
import { isPersonId, personName, sealName, wasErasedSince } from './names.ts';
import type { AddedFace, NewFace } from './types.ts';

// What changes come to in a given state of the gallery: no I/O, so each may be decided again when another writer was first.

/** A new face whose id is settled. */
export type IdentifiedFace = NewFace & { readonly faceId: string };

/** Which people and faces are to be added, and what stands for each face asked for. */
export function decideFaces(
  state: GalleryState,
  faces: readonly IdentifiedFace[],
  addedAt: number,
): Decision<Omit<AddedFace, 'version'>[]> {
  const ops: GalleryOp[] = [];
  const newPeople = new Map<string, string>();
  const newPictures = new Map<string, string>();
  const result = faces.map((face) => {
    const personId = personFor(state, face, newPeople, ops);
    const picture = `${personId} ${face.pictureSha256}`;
    const existing = newPictures.get(picture) ?? existingFace(state, personId, face);
    if (existing !== undefined)
      return { personId, faceId: existing, isDuplicate: existing !== face.faceId, isNew: false };
    newPictures.set(picture, face.faceId);
    if (state.activePack === undefined && newPictures.size === 1)
      // From the first face on the gallery has a pack: a setting that names another later must not make everybody unknown.
      ops.push({ op: 'use-pack', packId: face.packId });
    ops.push(addFaceOp(face, personId, addedAt));
    return { personId, faceId: face.faceId, isDuplicate: false, isNew: true };
  });
  return { ops, result };
}

export interface PeopleTakenOver {
  /** By the id they came with. */
  readonly ids: ReadonlyMap<string, string>;
  /** Names of those who were erased here. */
  readonly erased: readonly string[];
  /** How many are new here. */
  readonly added: number;
}

/** Who stands for each id here: themselves, or whoever has the name; nobody for one that was erased here. */
export function decidePeople(
  state: GalleryState,
  people: readonly { personId: string; name: string; externalId?: string }[],
): Decision<PeopleTakenOver> {
  const ids = new Map<string, string>();
  const erasedNames: string[] = [];
  const ops: GalleryOp[] = [];
  const newNames = new Map<string, string>();
  for (const { personId, name: text, externalId } of people) {
    const name = personName(text);
    if (state.roster.tombstoneOf(personId) !== undefined) {
      erasedNames.push(name);
      continue;
    }
    const standing = standingFor(state, personId, name) ?? newNames.get(name);
    ids.set(personId, standing ?? personId);
    if (standing !== undefined) continue;
    newNames.set(name, personId);
    const isFree = externalId !== undefined && state.roster.idOfExternalId(externalId) === undefined;
    ops.push({ op: 'add-person', personId, name, ...(isFree ? { externalId } : {}) });
  }
  return { ops, result: { ids, erased: erasedNames, added: ops.length } };
}

/** A person as a caller describes them. */
export interface NewPerson {
  readonly name: string;
  /** A UUID of the caller's choice; the same call repeated finds the person. */
  readonly personId?: string;
  readonly externalId?: string;
}

/**
 * A new person; the one there is when id, name and external id agree.
 *
 * @throws FacefleetError `conflict` when another person has the name, the id or the external id; `erased` when the id was removed.
 */
export function decidePerson(
  state: GalleryState,
  { personId, name: text, externalId }: NewPerson & { personId: string },
): Decision<{ personId: string; isNew: boolean }> {
  const { roster } = state;
  const name = personName(text);
  if (roster.tombstoneOf(personId) !== undefined) throw erased();
  const index = roster.indexOf(personId);
  const known = index === undefined ? undefined : roster.at(index);
  if (known !== undefined) {
    const isSame = known.personId === personId && known.name === name && known.externalId === externalId;
    if (isSame) return { ops: [], result: { personId, isNew: false } };
    throw new FacefleetError('conflict', `there is another person with the id ${personId}`);
  }
  if (roster.idOfName(name) !== undefined)
    throw new FacefleetError('conflict', `there is a person named ${name} already`);
  if (externalId !== undefined) expectFreeExternalId(state, externalId);
  const op = {
    op: 'add-person',
    personId,
    name,
    ...(externalId === undefined ? {} : { externalId }),
  } as const;
  return { ops: [op], result: { personId, isNew: true } };
}

export interface PersonChanges {
  readonly name?: string;
  /** Null takes it away. */
  readonly externalId?: string | null;
}

/** @throws FacefleetError `conflict` when another person has the name or the external id. */
export function decideChanges(
  state: GalleryState,
  reference: string,
  { name, externalId }: PersonChanges,
): Decision<void> {
  const { personId, index } = lookUp(state, reference);
  const ops: GalleryOp[] = [];
  if (name !== undefined)
    ops.push(...decideRename(state, { reference: personId, name: personName(name) }).ops);
  const current = state.roster.at(index)?.externalId ?? null;
  if (externalId !== undefined && externalId !== current) {
    if (externalId !== null) expectFreeExternalId(state, externalId);
    ops.push({ op: 'set-external-id', personId, externalId });
  }
  return { ops, result: undefined };
}

export interface FaceMove {
  readonly faceId: string;
  /** Whose face it was taken for. */
  readonly from: string;
  /** Null: nobody of the gallery. */
  readonly to: string | null;
}

/**
 * Says that a face is somebody else's, or nobody's: it becomes a counterexample of whom it was taken for. Moving it back takes
 * that back.
 *
 * @throws NotFoundError when the face is neither theirs nor a counterexample of theirs.
 */
export function decideMove(state: GalleryState, { faceId, from, to }: FaceMove): Decision<void> {
  const source = lookUp(state, from);
  const target = to === null ? undefined : lookUp(state, to);
  const row = state.faces.rowOf(faceId);
  const owner = row === -1 ? undefined : state.faces.person[row];
  const isDone = owner === (target?.index ?? STRANGER) && source.index !== target?.index;
  const isCounterexample = row !== -1 && state.counterexamples.has(source.index, row);
  if (isDone && isCounterexample) return NOTHING;
  if (owner === source.index && owner === target?.index) return NOTHING;
  const isTheirs = owner === source.index || (owner === STRANGER && isCounterexample);
  if (!isTheirs) {
    throw new NotFoundError('this person has no such face', { context: { faceId, person: source.personId } });
  }
  const op = { op: 'move-face', faceId, from: source.personId, to: target?.personId ?? null } as const;
  return { ops: [op], result: undefined };
}

/** A face that is not this person. */
export interface Counterexample {
  readonly faceId: string;
  readonly personId: string;
}

/** As if each face had been moved from the person to whoever has it, or to nobody where the person has it. */
export function decideCounterexamples(state: GalleryState, pairs: readonly Counterexample[]): Decision<void> {
  const ops = pairs.flatMap(({ faceId, personId }): GalleryOp[] => {
    const row = state.faces.rowOf(faceId);
    const person = state.roster.indexOf(personId);
    if (row === -1 || person === undefined || state.counterexamples.has(person, row)) return [];
    const owner = state.faces.person[row] ?? STRANGER;
    const to = owner === person ? undefined : state.roster.at(owner)?.personId;
    return [{ op: 'move-face', faceId, from: personId, to: to ?? null }];
  });
  return { ops, result: undefined };
}

export interface NewTemplate {
  readonly faceId: string;
  readonly packId: string;
  /** Unit length. */
  readonly embedding: Float32Array;
}

/** Those of the templates whose face is there and has none of the pack. */
export function decideTemplates(state: GalleryState, templates: readonly NewTemplate[]): Decision<number> {
  const ops = templates
    .filter(({ faceId, packId }) => lacksTemplate(state, faceId, packId))
    .map(
      ({ faceId, packId, embedding }) => ({ op: 'add-template', faceId, packId, vector: embedding }) as const,
    );
  return { ops, result: ops.length };
}

/** @throws FacefleetError `conflict` when another person has the name. */
export function decideRename(
  state: GalleryState,
  { reference, name }: { reference: string; name: string },
): Decision<void> {
  const person = lookUp(state, reference);
  const holder = state.roster.idOfName(name);
  if (holder === person.personId) return NOTHING;
  if (holder !== undefined) throw new FacefleetError('conflict', `there is another person named ${name}`);
  return { ops: [{ op: 'rename', personId: person.personId, name }], result: undefined };
}

export function decideMerge(
  state: GalleryState,
  { from, into }: { from: string; into: string },
): Decision<void> {
  const [gone, kept] = [lookUp(state, from), lookUp(state, into)];
  if (gone.personId === kept.personId) return NOTHING;
  return { ops: [{ op: 'merge', from: gone.personId, into: kept.personId }], result: undefined };
}

/** What a tombstone is put on. */
export interface Burial {
  readonly personId: string;
  /** The person and everybody who was merged into them. */
  readonly familyIds: readonly string[];
  readonly name: string;
  readonly faceIds: readonly string[];
}

export function decideBurial(state: GalleryState, reference: string, at: number): Decision<Burial> {
  const { index, personId, name } = lookUp(state, reference);
  const rows = [...state.faces.rowsOf(index), ...state.strangersOnlyFor(index)];
  const faceIds = rows.map((row) => state.faces.idAt(row));
  const familyIds = state.roster.familyOf(personId);
  return {
    ops: [{ op: 'remove-person', personId, at, seal: sealName(name) }],
    result: { personId, familyIds, name, faceIds },
  };
}

/** Tombstones for everybody. Resolves to all ids that were ever somebody's here, so that a repeat finds them too. */
export function decideBurialOfAll({ roster }: GalleryState, at: number): Decision<readonly string[]> {
  const ops = roster.people().map(({ person: { personId, name } }): GalleryOp => {
    return { op: 'remove-person', personId, at, seal: sealName(name) };
  });
  const aliases = roster.aliases().map(([from]) => from);
  const gone = roster.tombstones().map(({ personId }) => personId);
  return { ops, result: [...roster.people().map(({ person }) => person.personId), ...aliases, ...gone] };
}

/** @throws FacefleetError `conflict` when faces have no template of the pack. */
export function decidePack(state: GalleryState, packId: string): Decision<void> {
  const missing = rowsWithout(state, packId).length;
  if (missing > 0)
    throw new FacefleetError('conflict', `${missing} faces have no template of the pack ${packId}`);
  if (state.activePack === packId) return NOTHING;
  return { ops: [{ op: 'use-pack', packId }], result: undefined };
}

const NOTHING: Decision<void> = { ops: [], result: undefined };

/** The person that a new face belongs to; a name that nobody has makes a new one. */
function personFor(
  state: GalleryState,
  face: IdentifiedFace,
  newPeople: Map<string, string>,
  ops: GalleryOp[],
): string {
  if (isPersonId(face.person)) return lookUp(state, face.person).personId;
  const name = personName(face.person);
  const known = state.roster.idOfName(name) ?? newPeople.get(name);
  if (known !== undefined) return known;
  if (face.requestedAt !== undefined && wasErasedSince(state.roster, name, face.requestedAt)) throw erased();
  const personId = randomUUID();
  newPeople.set(name, personId);
  ops.push({ op: 'add-person', personId, name });
  return personId;
}

/** The id of the face that makes this one needless: itself, written before, or one of the same picture. */
function existingFace(state: GalleryState, personId: string, face: IdentifiedFace): string | undefined {
  const index = state.roster.indexOf(personId);
  if (index === undefined) return undefined;
  if (state.faces.rowOf(face.faceId) !== -1) return face.faceId;
  const row = state.faces.rowOfPicture(index, face.pictureSha256);
  return row === -1 ? undefined : state.faces.idAt(row);
}

/** Who has this id, or else this name. */
function standingFor(state: GalleryState, personId: string, name: string): string | undefined {
  const index = state.roster.indexOf(personId);
  return index === undefined ? state.roster.idOfName(name) : state.roster.at(index)?.personId;
}

function addFaceOp(face: IdentifiedFace, personId: string, addedAt: number): GalleryOp {
  return {
    op: 'add-face',
    personId,
    faceId: face.faceId,
    packId: face.packId,
    vector: face.embedding,
    sizePx: face.sizePx,
    embeddingNorm: face.embeddingNorm,
    pictureSha256: face.pictureSha256,
    addedAt,
    ...(face.source === undefined ? {} : { source: face.source }),
    ...(face.externalId === undefined ? {} : { externalId: face.externalId }),
  };
}

/** By id, also one that was merged, or by name. */
export function lookUp(
  state: GalleryState,
  reference: string,
): { index: number; personId: string; name: string } {
  const { roster } = state;
  const id = isPersonId(reference) ? reference : roster.idOfName(reference.normalize('NFC').trim());
  if (id !== undefined && roster.tombstoneOf(id) !== undefined) throw erased();
  const index = id === undefined ? undefined : roster.indexOf(id);
  const person = index === undefined ? undefined : roster.at(index);
  if (index === undefined || person === undefined)
    throw new NotFoundError('there is no such person', { context: { person: reference } });
  return { index, personId: person.personId, name: person.name };
}

function lacksTemplate(state: GalleryState, faceId: string, packId: string): boolean {
  const row = state.faces.rowOf(faceId);
  return row !== -1 && !(state.templates.get(packId)?.faceRows.includes(row) ?? false);
}

export function rowsWithout({ faces, templates }: GalleryState, packId: string): number[] {
  const have = new Set(templates.get(packId)?.faceRows);
  return faces.liveRows().filter((row) => !have.has(row));
}

/** Which packs these faces have templates of. */
export function packsOfFaces(state: GalleryState, rows: readonly number[]): Map<number, string[]> {
  const packs = new Map(rows.map((row): [number, string[]] => [row, []]));
  for (const [packId, { faceRows }] of state.templates) {
    for (const row of faceRows) packs.get(row)?.push(packId);
  }
  return packs;
}

function expectFreeExternalId({ roster }: GalleryState, externalId: string): void {
  if (roster.idOfExternalId(externalId) === undefined) return;
  throw new FacefleetError('conflict', 'there is another person with this external id');
}

function erased(): FacefleetError {
  return new FacefleetError('erased', 'the person was removed from the gallery, for good');
}
