import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { FacefleetError, NotFoundError, PreconditionFailedError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { encodeEntry, type GalleryOp, type LogEntry } from './entry.ts';
import { GalleryFollower } from './follower.ts';
import type { GalleryState } from './gallery-state.ts';
import { DEFAULT_GALLERY, type GalleryKeys, galleryKeys } from './keys.ts';
import { isPersonId, personName, sealName, wasErasedSince } from './names.ts';
import type { AddedFace, NewFace, PersonDetails, PersonSummary } from './types.ts';

/** With more writers than this at once something else is wrong. */
const MAX_ATTEMPTS = 1000;

export interface GalleryOptions {
  readonly state: ObjectStore;
  readonly clock: Clock;
  /** Default `default`. */
  readonly name?: string;
}

/** What a tombstone was put on. */
export interface Burial {
  readonly personId: string;
  /** The person and everybody who was merged into them. */
  readonly familyIds: readonly string[];
  readonly name: string;
  readonly faceIds: readonly string[];
  /** Gallery version that holds the tombstone. */
  readonly version: number;
}

export interface PeopleTakenOver {
  /** By the id they came with. */
  readonly ids: ReadonlyMap<string, string>;
  /** Names of those who were erased here. */
  readonly erased: readonly string[];
  /** How many are new here. */
  readonly added: number;
}

interface Decision<T> {
  /** None: nothing is written. */
  readonly ops: readonly GalleryOp[];
  readonly result: T;
}

/**
 * The writer of a gallery.
 *
 * Each change is decided on a state, then created as the log's next entry: when another writer was there first, it is
 * decided again on what the gallery is by then. So any number of writers in any processes behave as one, and every
 * change was right when it took effect. All methods may be called again after an error: a change that had been
 * written is found and not repeated.
 */
export class Gallery {
  readonly #store: ObjectStore;
  readonly #clock: Clock;
  readonly #keys: GalleryKeys;
  readonly #follower: GalleryFollower;
  /** Changes of this writer go one after another: among themselves they would only collide. */
  #tail: Promise<unknown> = Promise.resolve();

  constructor({ state, clock, name = DEFAULT_GALLERY }: GalleryOptions) {
    this.#store = state;
    this.#clock = clock;
    this.#keys = galleryKeys(name);
    this.#follower = new GalleryFollower({ store: state, keys: this.#keys, packs: [] });
  }

  get version(): number {
    return this.#follower.version;
  }

  refresh(): Promise<number> {
    return this.#follower.refresh();
  }

  /**
   * Adds a face and stores its crop. The same face id, or the same picture for the same person, changes nothing.
   *
   * @throws FacefleetError `erased` when the person was removed after the face was asked for; the crop is deleted again.
   * @throws NotFoundError for an id that nobody ever had.
   */
  async addFace(face: NewFace): Promise<AddedFace> {
    const [added] = await this.addFaces([face]);
    assert(added !== undefined);
    return added;
  }

  /** As `addFace`, in one entry: all or none. */
  async addFaces(faces: readonly NewFace[]): Promise<AddedFace[]> {
    const wanted = faces.map((face) => ({ ...face, faceId: face.faceId ?? randomUUID() }));
    const stored = new Set<string>();
    // Crops first: a face in the log always has one. What a crash leaves without a face, housekeeping collects.
    const storeCrops = async (added: readonly Omit<AddedFace, 'version'>[]) => {
      for (const [at, { faceId, crop }] of wanted.entries()) {
        if (added[at]?.faceId !== faceId || stored.has(faceId)) continue;
        await this.#putCrop(faceId, crop);
        stored.add(faceId);
      }
    };
    try {
      const added = await this.#commit((state) => decideFaces(state, wanted, this.#clock.now()), storeCrops);
      await this.#deleteCrops(
        wanted.filter(({ faceId }, at) => added[at]?.faceId !== faceId && stored.has(faceId)),
      );
      return added.map((one) => ({ ...one, version: this.version }));
    } catch (error) {
      if (error instanceof FacefleetError && error.code === 'erased')
        await this.#deleteCrops(wanted.filter(({ faceId }) => stored.has(faceId)));
      throw error;
    }
  }

  /**
   * Takes over people with their ids, as an import does. Resolves to who stands for each id here: themselves, or
   * whoever has the name; nobody for one that was erased here.
   */
  addPeople(people: readonly { personId: string; name: string }[]): Promise<PeopleTakenOver> {
    return this.#commit((state) => {
      const ids = new Map<string, string>();
      const erased: string[] = [];
      const ops: GalleryOp[] = [];
      const newNames = new Map<string, string>();
      for (const { personId, name: text } of people) {
        const name = personName(text);
        const standing = standingFor(state, personId, name) ?? newNames.get(name);
        if (state.roster.tombstoneOf(personId) !== undefined) {
          erased.push(name);
          continue;
        }
        ids.set(personId, standing ?? personId);
        if (standing !== undefined) continue;
        newNames.set(name, personId);
        ops.push({ op: 'add-person', personId, name });
      }
      return { ops, result: { ids, erased, added: ops.length } };
    });
  }

  /**
   * Adds templates of another pack to faces that have none of it; faces that are gone are passed over.
   * Resolves to how many faces took one.
   */
  addTemplates(
    templates: readonly { faceId: string; packId: string; embedding: Float32Array }[],
  ): Promise<number> {
    return this.#commit((state) => {
      const ops = templates
        .filter(({ faceId, packId }) => lacksTemplate(state, faceId, packId))
        .map(({ faceId, packId, embedding }) => ({
          op: 'add-template' as const,
          faceId,
          packId,
          vector: embedding,
        }));
      return { ops, result: ops.length };
    });
  }

  /** @throws FacefleetError `conflict` when another person has the name: they can be merged. */
  rename(reference: string, newName: string): Promise<void> {
    const name = personName(newName);
    return this.#commit((state) => {
      const person = lookUp(state, reference);
      const holder = state.roster.idOfName(name);
      if (holder === person.personId) return { ops: [], result: undefined };
      if (holder !== undefined) throw new FacefleetError('conflict', `there is another person named ${name}`);
      return { ops: [{ op: 'rename', personId: person.personId, name }], result: undefined };
    });
  }

  /** Gives all faces of one person to another; the first one's id stands for the other from then on. */
  merge({ from, into }: { from: string; into: string }): Promise<void> {
    return this.#commit((state) => {
      const [gone, kept] = [lookUp(state, from), lookUp(state, into)];
      if (gone.personId === kept.personId) return { ops: [], result: undefined };
      return { ops: [{ op: 'merge', from: gone.personId, into: kept.personId }], result: undefined };
    });
  }

  /**
   * Puts a tombstone on a person: from this version on they are nobody, for good. The bytes are still there; use
   * `erasePerson`, which goes on from here.
   */
  bury(reference: string): Promise<Burial> {
    return this.#commit((state, version) => {
      const { index, personId, name } = lookUp(state, reference);
      const op = {
        op: 'remove-person' as const,
        personId,
        at: this.#clock.now(),
        seal: sealName(name),
      };
      const faceIds = state.faces.rowsOf(index).map((row) => state.faces.idAt(row));
      const familyIds = state.roster.familyOf(personId);
      return { ops: [op], result: { personId, familyIds, name, faceIds, version: version + 1 } };
    });
  }

  /** As `bury`, for one face. Resolves to the version that no longer has it. */
  buryFace(faceId: string): Promise<number> {
    return this.#commit((state, version) => {
      if (state.faces.rowOf(faceId) === -1)
        throw new NotFoundError('there is no such face', { context: { faceId } });
      return { ops: [{ op: 'remove-face', faceId }], result: version + 1 };
    });
  }

  /**
   * Makes a pack's templates the ones that answer.
   *
   * @throws FacefleetError `conflict` when faces have none of it: they would be nobody's.
   */
  usePack(packId: string): Promise<void> {
    return this.#commit((state) => {
      const missing = rowsWithout(state, packId).length;
      if (missing > 0)
        throw new FacefleetError('conflict', `${missing} faces have no template of the pack ${packId}`);
      return {
        ops: state.activePack === packId ? [] : [{ op: 'use-pack', packId }],
        result: undefined,
      };
    });
  }

  /** Everybody, by name, as of now. */
  async people(): Promise<PersonSummary[]> {
    await this.refresh();
    const { roster, faces } = this.#follower.state;
    const counts = new Map<number, number>();
    for (const row of faces.liveRows())
      counts.set(faces.person[row]!, (counts.get(faces.person[row]!) ?? 0) + 1);
    return roster
      .people()
      .map(({ index, person }) => ({
        personId: person.personId,
        name: person.name,
        faces: counts.get(index) ?? 0,
      }))
      .sort((a, b) => a.name.localeCompare(b.name));
  }

  /**
   * Who is meant by an id or a name; undefined for a name that nobody has.
   *
   * @throws NotFoundError for an id that nobody ever had, FacefleetError `erased`, `bad-request` for a name that is none.
   */
  async find(reference: string): Promise<{ personId: string; name: string } | undefined> {
    await this.refresh();
    const { state } = this.#follower;
    if (!isPersonId(reference) && state.roster.idOfName(personName(reference)) === undefined)
      return undefined;
    const { personId, name } = lookUp(state, reference);
    return { personId, name };
  }

  /** @throws NotFoundError, or FacefleetError `erased`. */
  async person(reference: string): Promise<PersonDetails> {
    await this.refresh();
    const { state } = this.#follower;
    const { index, personId, name } = lookUp(state, reference);
    const packs = packsOfFaces(state);
    const faces = state.faces.rowsOf(index).map((row) => {
      const { person: _, ...face } = state.faces.get(row);
      return { ...face, packs: packs.get(row) ?? [] };
    });
    return { personId, name, faces };
  }

  /** The face that a person has of this picture, as far as was read when `refresh` was last called. */
  faceOfPicture(reference: string, pictureSha256: string): { personId: string; faceId: string } | undefined {
    const { roster, faces } = this.#follower.state;
    const personId = isPersonId(reference) ? reference : roster.idOfName(reference.normalize('NFC').trim());
    const index = personId === undefined ? undefined : roster.indexOf(personId);
    const row = index === undefined ? -1 : faces.rowOfPicture(index, pictureSha256);
    return row === -1 ? undefined : { personId: roster.at(index!)!.personId, faceId: faces.idAt(row) };
  }

  /** The id of the person whose face this is; undefined when there is no such face. */
  async ownerOf(faceId: string): Promise<string | undefined> {
    await this.refresh();
    const { faces, roster } = this.#follower.state;
    const row = faces.rowOf(faceId);
    return row === -1 ? undefined : roster.at(faces.person[row] ?? -1)?.personId;
  }

  /** This id and those that were merged into it. */
  async familyOf(personId: string): Promise<string[]> {
    await this.refresh();
    return this.#follower.state.roster.familyOf(personId);
  }

  /** Ids of all faces. */
  async faceIds(): Promise<string[]> {
    await this.refresh();
    const { faces } = this.#follower.state;
    return faces.liveRows().map((row) => faces.idAt(row));
  }

  /** Ids of the faces that have no template of this pack. */
  async facesWithout(packId: string): Promise<string[]> {
    await this.refresh();
    const { state } = this.#follower;
    return rowsWithout(state, packId).map((row) => state.faces.idAt(row));
  }

  /** The pack that answers; undefined until one was chosen with `usePack`. */
  async activePack(): Promise<string | undefined> {
    await this.refresh();
    return this.#follower.state.activePack;
  }

  /** The aligned face that was kept at enrolment (JPEG, 160x160); undefined when the face is gone. */
  async crop(faceId: string): Promise<Buffer | undefined> {
    const object = await this.#store.get(this.#keys.crop(faceId));
    return object?.bytes();
  }

  async #putCrop(faceId: string, crop: Buffer): Promise<void> {
    await this.#store.put(this.#keys.crop(faceId), crop, { contentType: 'image/jpeg' });
  }

  async #deleteCrops(faces: readonly { faceId: string }[]): Promise<void> {
    await Promise.all(faces.map(({ faceId }) => this.#store.delete(this.#keys.crop(faceId))));
  }

  /** `prepare` runs before each attempt to write what was decided. */
  #commit<T>(
    decide: (state: GalleryState, version: number) => Decision<T>,
    prepare?: (result: T) => Promise<void>,
  ): Promise<T> {
    const turn = this.#tail.then(() => this.#commitNow(decide, prepare));
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  async #commitNow<T>(
    decide: (state: GalleryState, version: number) => Decision<T>,
    prepare: ((result: T) => Promise<void>) | undefined,
  ): Promise<T> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      // The loser of a crowded number steps back a little, or all of them collide again at the next.
      if (attempt > 2) await this.#clock.sleep(Math.random() * Math.min(50, attempt * 2));
      const version = await this.#follower.refresh();
      const { ops, result } = decide(this.#follower.state, version);
      if (ops.length === 0) return result;
      await prepare?.(result);
      const entry = { sequence: version + 1, writtenAt: this.#clock.now(), ops };
      if (await this.#append(entry)) return result;
    }
    throw new FacefleetError('unavailable', `another writer was first ${MAX_ATTEMPTS} times in a row`, {
      context: { bucket: this.#store.bucket, log: this.#keys.logPrefix },
    });
  }

  /** False: the number was taken, or so old that it only looked free. */
  async #append(entry: LogEntry): Promise<boolean> {
    const key = this.#keys.log(entry.sequence);
    try {
      await this.#store.put(key, encodeEntry(entry), { ifNoneMatch: '*' });
    } catch (error) {
      if (error instanceof PreconditionFailedError) return false;
      throw error;
    }
    if (await this.#follower.isBelowFloor(entry.sequence)) {
      await this.#store.delete(key);
      return false;
    }
    this.#follower.advance(entry);
    return true;
  }
}

type IdentifiedFace = NewFace & { readonly faceId: string };

function decideFaces(
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
    ops.push(addFaceOp(face, personId, addedAt));
    return { personId, faceId: face.faceId, isDuplicate: false, isNew: true };
  });
  return { ops, result };
}

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
  };
}

/** By id, also one that was merged, or by name. */
function lookUp(state: GalleryState, reference: string): { index: number; personId: string; name: string } {
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

function rowsWithout({ faces, templates }: GalleryState, packId: string): number[] {
  const have = new Set(templates.get(packId)?.faceRows);
  return faces.liveRows().filter((row) => !have.has(row));
}

function packsOfFaces(state: GalleryState): Map<number, string[]> {
  const packs = new Map<number, string[]>();
  for (const [packId, { faceRows }] of state.templates) {
    for (const row of faceRows) packs.set(row, [...(packs.get(row) ?? []), packId]);
  }
  return packs;
}

function erased(): FacefleetError {
  return new FacefleetError('erased', 'the person was removed from the gallery, for good');
}
