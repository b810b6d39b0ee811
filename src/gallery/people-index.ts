import type { GalleryOp, LogEntry } from './entry.ts';
import type { GalleryObserver } from './follower.ts';
import { GalleryState } from './gallery-state.ts';

/** One person of a list. */
export interface ListedPerson {
  readonly personId: string;
  readonly name: string;
  readonly externalId?: string;
  readonly faces: number;
  /** Their first face, for a picture of them; undefined for who has none. */
  readonly firstFaceId: string | undefined;
}

export interface PeopleQuery {
  readonly limit: number;
  /** Where the page before ended. */
  readonly after?: PeoplePosition;
  /** Words that must all be in the name; or the whole id or external id. */
  readonly search?: string;
}

/** A place in the order of all people. It stays one while people come and go. */
export interface PeoplePosition {
  readonly sortKey: string;
  readonly personId: string;
}

export interface PeoplePage {
  readonly people: readonly ListedPerson[];
  /** Undefined on the last page. */
  readonly next: PeoplePosition | undefined;
}

interface Entry extends PeoplePosition {
  readonly index: number;
}

/**
 * Everybody in the order of their names, kept up with each change instead of sorted anew for each list: with 100,000
 * people sorting takes a quarter of a second, and a page half a millisecond.
 */
export class PeopleIndex implements GalleryObserver {
  /** Sorted. */
  #entries: Entry[] = [];
  readonly #byId = new Map<string, Entry>();
  #state = new GalleryState([]);
  #tally: Tally | undefined;

  get size(): number {
    return this.#entries.length;
  }

  onBase(state: GalleryState): void {
    this.#state = state;
    this.#tally = undefined;
    this.#byId.clear();
    for (const { index, person } of state.roster.people())
      this.#byId.set(person.personId, entryOf(index, person));
    this.#entries = [...this.#byId.values()].sort(compare);
  }

  onEntry(entry: LogEntry, state: GalleryState): void {
    this.#state = state;
    this.#tally = undefined;
    for (const personId of new Set(entry.ops.flatMap(peopleOf))) this.#update(personId);
  }

  page({ limit, after, search = '' }: PeopleQuery): PeoplePage {
    const words = foldName(search).trim().split(/\s+/);
    const wholeId = this.#state.roster.idOfExternalId(search.trim()) ?? search.trim();
    const people: ListedPerson[] = [];
    for (let at = after === undefined ? 0 : this.#placeAfter(after); at < this.#entries.length; at++) {
      const entry = this.#entries[at]!;
      if (!holdsAll(entry.sortKey, words) && entry.personId !== wholeId) continue;
      if (people.length === limit)
        return { people, next: positionOf(this.#byId.get(people.at(-1)!.personId)!) };
      people.push(this.#listed(entry));
    }
    return { people, next: undefined };
  }

  /** Undefined for who is not there. */
  find(personId: string): ListedPerson | undefined {
    const entry = this.#byId.get(personId);
    return entry && this.#listed(entry);
  }

  #listed({ index }: Entry): ListedPerson {
    const { faces } = this.#state;
    this.#tally ??= tallyOf(this.#state, this.#entries);
    const firstRow = this.#tally.firstRow[index] ?? 0;
    return {
      ...this.#state.roster.at(index)!,
      faces: this.#tally.count[index] ?? 0,
      firstFaceId: firstRow === 0 ? undefined : faces.idAt(firstRow - 1),
    };
  }

  #update(personId: string): void {
    const known = this.#byId.get(personId);
    const { roster } = this.#state;
    const index = roster.indexOf(personId);
    const person = index === undefined ? undefined : roster.at(index);
    // Who was merged is found under their old id, as somebody else.
    const current = index === undefined || person?.personId !== personId ? undefined : entryOf(index, person);
    if (known !== undefined && current !== undefined && compare(known, current) === 0) return;
    if (known !== undefined) {
      this.#byId.delete(personId);
      this.#entries.splice(this.#placeAfter(known) - 1, 1);
    }
    if (current !== undefined) {
      this.#byId.set(personId, current);
      this.#entries.splice(this.#placeAfter(current), 0, current);
    }
  }

  /** The first place whose entry comes after this position. */
  #placeAfter(position: PeoplePosition): number {
    let [low, high] = [0, this.#entries.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(this.#entries[middle]!, position) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** By the index of the person. */
interface Tally {
  readonly count: Uint32Array;
  /** Row of the first face, plus one; 0 for none. */
  readonly firstRow: Uint32Array;
}

/** One pass over a column: less than a millisecond for 100,000 faces, and only after a change. */
function tallyOf({ faces }: GalleryState, entries: readonly Entry[]): Tally {
  const size = entries.reduce((most, { index }) => Math.max(most, index + 1), 0);
  const tally = { count: new Uint32Array(size), firstRow: new Uint32Array(size) };
  for (let row = faces.rows - 1; row >= 0; row--) {
    const person = faces.person[row] ?? size;
    if (person >= size) continue;
    tally.count[person]! += 1;
    tally.firstRow[person] = row + 1;
  }
  return tally;
}

function peopleOf(op: GalleryOp): string[] {
  switch (op.op) {
    case 'add-person':
    case 'rename':
    case 'remove-person':
      return [op.personId];
    case 'merge':
      return [op.from, op.into];
    default:
      return [];
  }
}

/** A plain loop: it is what a search of everybody spends its time in. */
function holdsAll(text: string, words: readonly string[]): boolean {
  for (const word of words) if (!text.includes(word)) return false;
  return true;
}

function entryOf(index: number, { personId, name }: { personId: string; name: string }): Entry {
  return { sortKey: foldName(name), personId, index };
}

function positionOf({ sortKey, personId }: Entry): PeoplePosition {
  return { sortKey, personId };
}

/** Names in a form in which case and accents don't matter. */
export function foldName(name: string): string {
  return name.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase();
}

function compare(one: PeoplePosition, other: PeoplePosition): number {
  if (one.sortKey !== other.sortKey) return one.sortKey < other.sortKey ? -1 : 1;
  if (one.personId === other.personId) return 0;
  return one.personId < other.personId ? -1 : 1;
}
