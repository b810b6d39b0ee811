import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { FacefleetError, NotFoundError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { CommitLog } from './commit-log.ts';
import {
  type Burial,
  type Counterexample,
  decideBurial,
  decideBurialOfAll,
  decideChanges,
  decideCounterexamples,
  decideFaces,
  decideMerge,
  decideMove,
  decidePack,
  decidePeople,
  decidePerson,
  decideRename,
  decideTemplates,
  type FaceMove,
  type IdentifiedFace,
  lookUp,
  type NewPerson,
  type NewTemplate,
  type PeopleTakenOver,
  type PersonChanges,
  packsOfFaces,
  rowsWithout,
} from './decisions.ts';
import type { GalleryObserver } from './follower.ts';
import { DEFAULT_GALLERY, type GalleryKeys, galleryKeys } from './keys.ts';
import { isPersonId, personName } from './names.ts';
import type { AddedFace, FaceDetails, NewFace, PersonDetails, PersonSummary } from './types.ts';

export interface GalleryOptions {
  readonly state: ObjectStore;
  readonly clock: Clock;
  /** Default `default`. */
  readonly name?: string;
  readonly observer?: GalleryObserver;
}

/**
 * People and faces, to be changed and looked up. Any number of these, in any processes, may work on one gallery.
 *
 * A person is called by id, also one that was merged into theirs, or by name. Every method may be called again after an
 * error: a change that had been written is found and not repeated. Those that call a person reject with NotFoundError
 * when there is none, and with FacefleetError `erased` for an id that was removed.
 */
export class Gallery {
  readonly #store: ObjectStore;
  readonly #clock: Clock;
  readonly #keys: GalleryKeys;
  readonly #log: CommitLog;

  constructor({ state, clock, name = DEFAULT_GALLERY, ...watching }: GalleryOptions) {
    this.#store = state;
    this.#clock = clock;
    this.#keys = galleryKeys(name);
    this.#log = new CommitLog({ store: state, keys: this.#keys, clock, ...watching });
  }

  /** As of the last call. */
  get version(): number {
    return this.#log.version;
  }

  refresh(): Promise<number> {
    return this.#log.refresh();
  }

  /**
   * Adds a face and stores its crop. The same face id, or the same picture for the same person, changes nothing.
   *
   * @throws FacefleetError `erased` when the person was removed after the face was asked for; the crop is deleted again.
   */
  async addFace(face: NewFace): Promise<AddedFace> {
    const [added] = await this.addFaces([face]);
    assert(added !== undefined);
    return added;
  }

  /** As `addFace`, in one entry: all or none. */
  async addFaces(faces: readonly NewFace[]): Promise<AddedFace[]> {
    const wanted = faces.map((face) => ({ ...face, faceId: face.faceId ?? randomUUID() }));
    const stored = new Set<IdentifiedFace>();
    // Crops first: a face in the log always has one. What a crash leaves without a face, housekeeping collects.
    const storeCrops = async (added: readonly { faceId: string }[]) => {
      for (const face of wanted.filter(({ faceId }, at) => added[at]?.faceId === faceId)) {
        if (!stored.has(face)) await this.#putCrop(face);
        stored.add(face);
      }
    };
    try {
      const added = await this.#log.commit(
        (state) => decideFaces(state, wanted, this.#clock.now()),
        storeCrops,
      );
      const taken = new Set(added.map(({ faceId }) => faceId));
      await this.#deleteCrops([...stored].filter(({ faceId }) => !taken.has(faceId)));
      return added.map((one) => ({ ...one, version: this.version }));
    } catch (error) {
      if (error instanceof FacefleetError && error.code === 'erased') await this.#deleteCrops(stored);
      throw error;
    }
  }

  /** Takes over people with their ids, as an import does. */
  addPeople(
    people: readonly { personId: string; name: string; externalId?: string }[],
  ): Promise<PeopleTakenOver> {
    return this.#log.commit((state) => decidePeople(state, people));
  }

  /** Adds templates of another pack to faces that have none of it. Resolves to how many faces took one. */
  addTemplates(templates: readonly NewTemplate[]): Promise<number> {
    return this.#log.commit((state) => decideTemplates(state, templates));
  }

  /**
   * A new person, or the one there is when all agree.
   *
   * @throws FacefleetError `conflict` when another person has the name, the id or the external id.
   */
  addPerson(person: NewPerson): Promise<{ personId: string; isNew: boolean }> {
    const identified = { ...person, personId: person.personId ?? randomUUID() };
    return this.#log.commit((state) => decidePerson(state, identified));
  }

  /** @throws FacefleetError `conflict` when another person has the name or the external id. */
  change(reference: string, changes: PersonChanges): Promise<void> {
    return this.#log.commit((state) => decideChanges(state, reference, changes));
  }

  /** See `decideMove`. */
  moveFace(move: FaceMove): Promise<void> {
    return this.#log.commit((state) => decideMove(state, move));
  }

  /** Takes over that faces are not these people, as an import does. Faces and people that are not here are passed over. */
  addCounterexamples(pairs: readonly Counterexample[]): Promise<void> {
    return this.#log.commit((state) => decideCounterexamples(state, pairs));
  }

  /** @throws FacefleetError `conflict` when another person has the name: they can be merged. */
  rename(reference: string, newName: string): Promise<void> {
    const name = personName(newName);
    return this.#log.commit((state) => decideRename(state, { reference, name }));
  }

  /** Gives all faces of one person to another, for whom the first one's id stands from then on too. */
  merge(people: { from: string; into: string }): Promise<void> {
    return this.#log.commit((state) => decideMerge(state, people));
  }

  /**
   * Puts a tombstone on a person: from this version on they are nobody, for good. The bytes are still there; use
   * `erasePerson`, which goes on from here.
   */
  async bury(reference: string): Promise<Burial & { readonly version: number }> {
    const burial = await this.#log.commit((state) => decideBurial(state, reference, this.#clock.now()));
    return { ...burial, version: this.version };
  }

  /** As `bury`, for everybody at once, when the whole gallery goes. */
  async buryAll(): Promise<{ readonly personIds: readonly string[] }> {
    const personIds = await this.#log.commit((state) => decideBurialOfAll(state, this.#clock.now()));
    return { personIds };
  }

  /** As `bury`, for one face. Resolves to a version that no longer has it. */
  async buryFace(faceId: string): Promise<number> {
    await this.#log.commit((state) => {
      if (state.faces.rowOf(faceId) === -1)
        throw new NotFoundError('there is no such face', { context: { faceId } });
      return { ops: [{ op: 'remove-face', faceId }], result: undefined };
    });
    return this.version;
  }

  /**
   * Makes a pack's templates the ones that answer.
   *
   * @throws FacefleetError `conflict` when faces have none of it: they would be nobody's.
   */
  usePack(packId: string): Promise<void> {
    return this.#log.commit((state) => decidePack(state, packId));
  }

  /** Everybody, by name. */
  async people(): Promise<PersonSummary[]> {
    await this.refresh();
    const { roster, faces } = this.#log.state;
    const counts = new Map<number, number>();
    for (const row of faces.liveRows()) {
      const person = faces.person[row] ?? -1;
      counts.set(person, (counts.get(person) ?? 0) + 1);
    }
    return roster
      .people()
      .map(({ index, person: { personId, name } }) => ({ personId, name, faces: counts.get(index) ?? 0 }))
      .sort((a, b) => a.name.localeCompare(b.name));
  }

  /** Who is meant; undefined for a name that nobody has. @throws FacefleetError `bad-request` for a name that is none. */
  async find(reference: string): Promise<{ personId: string; name: string } | undefined> {
    await this.refresh();
    const { state } = this.#log;
    if (!isPersonId(reference) && state.roster.idOfName(personName(reference)) === undefined)
      return undefined;
    const { personId, name } = lookUp(state, reference);
    return { personId, name };
  }

  async person(reference: string): Promise<PersonDetails> {
    await this.refresh();
    const { state } = this.#log;
    const { index } = lookUp(state, reference);
    const rows = state.faces.rowsOf(index);
    const counterexamples = [...state.counterexamples.of(index)];
    const packs = packsOfFaces(state, [...rows, ...counterexamples]);
    const details = (row: number): FaceDetails => {
      const { person: _, ...face } = state.faces.get(row);
      return { ...face, packs: packs.get(row) ?? [] };
    };
    return {
      ...state.roster.at(index)!,
      faces: rows.map(details),
      counterexamples: counterexamples.map(details),
    };
  }

  /** The face that a person has of this picture, as far as was read when `refresh` was last called. */
  faceOfPicture(reference: string, pictureSha256: string): { personId: string; faceId: string } | undefined {
    const { roster, faces } = this.#log.state;
    const id = isPersonId(reference) ? reference : roster.idOfName(personName(reference));
    const index = id === undefined ? undefined : roster.indexOf(id);
    if (id === undefined || index === undefined) return undefined;
    const row = faces.rowOfPicture(index, pictureSha256);
    return row === -1 ? undefined : { personId: roster.resolve(id), faceId: faces.idAt(row) };
  }

  /** The id of the person whose face this is; undefined when there is no such face, or it is nobody's. */
  async ownerOf(faceId: string): Promise<string | undefined> {
    await this.refresh();
    const { faces, roster } = this.#log.state;
    const row = faces.rowOf(faceId);
    return row === -1 ? undefined : roster.at(faces.person[row] ?? -1)?.personId;
  }

  /** Ids of the person whose face this is, and of those it was taken for; undefined when there is no such face. */
  async peopleOf(faceId: string): Promise<string[] | undefined> {
    await this.refresh();
    const { faces, roster, counterexamples } = this.#log.state;
    const row = faces.rowOf(faceId);
    if (row === -1) return undefined;
    const notWhom = counterexamples.pairs().flatMap(([person, face]) => (face === row ? [person] : []));
    const people = [faces.person[row] ?? -1, ...notWhom];
    return people.flatMap((person) => roster.at(person)?.personId ?? []);
  }

  /** This id and those that were merged into it. */
  async familyOf(personId: string): Promise<string[]> {
    await this.refresh();
    return this.#log.state.roster.familyOf(personId);
  }

  async faceIds(): Promise<string[]> {
    await this.refresh();
    const { faces } = this.#log.state;
    return faces.liveRows().map((row) => faces.idAt(row));
  }

  /** Ids of the faces that have no template of this pack. */
  async facesWithout(packId: string): Promise<string[]> {
    await this.refresh();
    const { state } = this.#log;
    return rowsWithout(state, packId).map((row) => state.faces.idAt(row));
  }

  /** The pack that answers: the first face's, until `usePack` chooses another; undefined without faces. */
  async activePack(): Promise<string | undefined> {
    await this.refresh();
    return this.#log.state.activePack;
  }

  /** The aligned face that was kept at enrolment (JPEG, 160x160); undefined when the face is gone. */
  async crop(faceId: string): Promise<Buffer | undefined> {
    const object = await this.#store.get(this.#keys.crop(faceId));
    return object?.bytes();
  }

  async #putCrop({ faceId, crop }: IdentifiedFace): Promise<void> {
    await this.#store.put(this.#keys.crop(faceId), crop, { contentType: 'image/jpeg' });
  }

  async #deleteCrops(faces: Iterable<{ faceId: string }>): Promise<void> {
    await Promise.all(Array.from(faces, ({ faceId }) => this.#store.delete(this.#keys.crop(faceId))));
  }
}
