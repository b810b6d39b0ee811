import type { NameSeal } from './entry.ts';

export interface Person {
  readonly personId: string;
  name: string;
  /** What the caller calls them. */
  externalId?: string;
}

/** What stays of an erased person: ids, and until it expires the seal of the name. */
export interface Tombstone {
  readonly personId: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly seal?: NameSeal;
}

/** People by index, id and name; who was merged into whom; who is gone for good. */
export class Roster {
  /** By index, as faces refer to them; undefined for one that was merged or removed. */
  readonly #people: (Person | undefined)[] = [];
  readonly #indexById = new Map<string, number>();
  readonly #idByName = new Map<string, string>();
  readonly #idByExternalId = new Map<string, string>();
  /** Merged person id → the id it was merged into (which may have been merged on). */
  readonly #mergedInto = new Map<string, string>();
  readonly #tombstones = new Map<string, Tombstone>();

  get size(): number {
    return this.#indexById.size;
  }

  /** All indices lie below it. */
  get indices(): number {
    return this.#people.length;
  }

  at(index: number): Person | undefined {
    return this.#people[index];
  }

  /** The id that stands for this one today: itself, or whom it was merged into. */
  resolve(personId: string): string {
    let id = personId;
    for (let next = this.#mergedInto.get(id); next !== undefined; next = this.#mergedInto.get(id)) id = next;
    return id;
  }

  /** Index of the person, following merges; undefined when unknown or erased. */
  indexOf(personId: string): number | undefined {
    return this.#indexById.get(this.resolve(personId));
  }

  idOfName(name: string): string | undefined {
    return this.#idByName.get(name);
  }

  idOfExternalId(externalId: string): string | undefined {
    return this.#idByExternalId.get(externalId);
  }

  tombstoneOf(personId: string): Tombstone | undefined {
    return this.#tombstones.get(this.resolve(personId));
  }

  /** This person and everybody who was merged into them. */
  familyOf(personId: string): string[] {
    const root = this.resolve(personId);
    return [root, ...[...this.#mergedInto.keys()].filter((id) => this.resolve(id) === root)];
  }

  /** Does nothing for an id that is known, merged or erased: ids are never reused. */
  add(personId: string, name: string, externalId?: string): void {
    const isTaken = this.#indexById.has(personId) || this.#mergedInto.has(personId);
    if (isTaken || this.#tombstones.has(personId)) return;
    const index = this.#people.push({ personId, name }) - 1;
    this.#indexById.set(personId, index);
    this.#idByName.set(name, personId);
    if (externalId !== undefined) this.setExternalId(index, externalId);
  }

  rename(index: number, name: string): void {
    const person = this.#people[index];
    if (person === undefined) return;
    this.#idByName.delete(person.name);
    person.name = name;
    this.#idByName.set(name, person.personId);
  }

  /** Null takes it away. */
  setExternalId(index: number, externalId: string | null): void {
    const person = this.#people[index];
    if (person === undefined) return;
    this.#forgetExternalId(person);
    if (externalId === null) {
      delete person.externalId;
      return;
    }
    person.externalId = externalId;
    this.#idByExternalId.set(externalId, person.personId);
  }

  /** Who stays keeps their own external id, and takes over the other's if they have none. */
  merge(from: number, into: number): void {
    const gone = this.#drop(from);
    const kept = this.#people[into];
    if (gone === undefined || kept === undefined) return;
    this.#mergedInto.set(gone.personId, kept.personId);
    if (gone.externalId !== undefined && kept.externalId === undefined)
      this.setExternalId(into, gone.externalId);
  }

  erase(tombstone: Tombstone): void {
    const index = this.#indexById.get(tombstone.personId);
    if (index !== undefined) this.#drop(index);
    this.#tombstones.set(tombstone.personId, tombstone);
  }

  alias(from: string, into: string): void {
    this.#mergedInto.set(from, into);
  }

  people(): { index: number; person: Person }[] {
    return this.#people.flatMap((person, index) => (person === undefined ? [] : [{ index, person }]));
  }

  aliases(): [from: string, into: string][] {
    return [...this.#mergedInto];
  }

  tombstones(): Tombstone[] {
    return [...this.#tombstones.values()];
  }

  #drop(index: number): Person | undefined {
    const person = this.#people[index];
    if (person === undefined) return undefined;
    this.#people[index] = undefined;
    this.#indexById.delete(person.personId);
    if (this.#idByName.get(person.name) === person.personId) this.#idByName.delete(person.name);
    this.#forgetExternalId(person);
    return person;
  }

  #forgetExternalId({ personId, externalId }: Person): void {
    if (externalId !== undefined && this.#idByExternalId.get(externalId) === personId)
      this.#idByExternalId.delete(externalId);
  }
}
