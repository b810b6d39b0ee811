import { setImmediate as nextTurn } from 'node:timers/promises';

/** A place in the order of all people. It stays one while people come and go. */
export interface PeoplePosition {
  readonly sortKey: string;
  readonly personId: string;
}

/** A block is searched, changed and joined anew as a whole: large enough to be few, small enough to be quick. */
const BLOCK_ENTRIES = 512;
/** Runs of this length are sorted at once, which takes some milliseconds; then others get their turn. */
const RUN_ENTRIES = 4096;
const BLOCKS_A_TURN = 16;

/**
 * People in order, in blocks. Each block keeps its keys as one text too: looking through that for a word is fifty times as
 * fast as asking a hundred thousand strings, and a change costs the text of one block.
 */
export class SortedPeople<T extends PeoplePosition> {
  #blocks: Block<T>[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Sorts them and makes ready for searches, a few milliseconds at a time: all at once takes a quarter of a second for 100,000. */
  static async sort<T extends PeoplePosition>(entries: readonly T[]): Promise<SortedPeople<T>> {
    const sorted = await sortedInTurns(entries);
    const people = new SortedPeople<T>();
    people.#size = sorted.length;
    for (let from = 0; from < sorted.length; from += BLOCK_ENTRIES) {
      const block = new Block(sorted.slice(from, from + BLOCK_ENTRIES));
      block.readText();
      people.#blocks.push(block);
      if (people.#blocks.length % BLOCKS_A_TURN === 0) await nextTurn();
    }
    return people;
  }

  insert(entry: T): void {
    const at = Math.max(0, this.#blockFrom(entry));
    const block = this.#blocks[at];
    this.#size++;
    if (block === undefined) {
      this.#blocks.push(new Block([entry]));
      return;
    }
    block.entries.splice(block.placeAfter(entry), 0, entry);
    block.forgetText();
    if (block.entries.length > 2 * BLOCK_ENTRIES)
      this.#blocks.splice(at + 1, 0, new Block(block.entries.splice(BLOCK_ENTRIES)));
  }

  delete(entry: T): void {
    const at = this.#blockFrom(entry);
    const block = this.#blocks[at];
    const place = (block?.placeAfter(entry) ?? 0) - 1;
    const found = block?.entries[place];
    if (block === undefined || found === undefined || comparePositions(found, entry) !== 0) return;
    this.#size--;
    block.entries.splice(place, 1);
    block.forgetText();
    if (block.entries.length === 0) this.#blocks.splice(at, 1);
  }

  /** In order, those after this position whose key has all of the words. */
  *after(position: PeoplePosition | undefined, words: readonly string[]): Generator<T, void, undefined> {
    const first = position === undefined ? 0 : Math.max(0, this.#blockFrom(position));
    for (let at = first; at < this.#blocks.length; at++) {
      const block = this.#blocks[at]!;
      const from = at === first && position !== undefined ? block.placeAfter(position) : 0;
      yield* words.length === 0 ? block.entries.slice(from) : block.matching(from, words);
    }
  }

  /** The last block that begins at or before this position, -1 when all begin after it. */
  #blockFrom(position: PeoplePosition): number {
    return firstAfter(this.#blocks, ({ entries }) => comparePositions(entries[0]!, position)) - 1;
  }
}

class Block<T extends PeoplePosition> {
  readonly entries: T[];
  #text: { readonly keys: string; readonly ends: Uint32Array } | undefined;

  constructor(entries: T[]) {
    this.entries = entries;
  }

  forgetText(): void {
    this.#text = undefined;
  }

  /** Made when it is needed. */
  readText(): { readonly keys: string; readonly ends: Uint32Array } {
    this.#text ??= joined(this.entries);
    return this.#text;
  }

  /** The first place whose entry comes after this position. */
  placeAfter(position: PeoplePosition): number {
    return firstAfter(this.entries, (entry) => comparePositions(entry, position));
  }

  /** No word has a line feed in it, so none is found across two keys. */
  *matching(from: number, words: readonly string[]): Generator<T, void, undefined> {
    const { keys, ends } = this.readText();
    if (!words.every((word) => keys.includes(word))) return;
    // The longest is the rarest, as a rule.
    const word = words.reduce((longest, one) => (one.length > longest.length ? one : longest));
    let at = keys.indexOf(word, from === 0 ? 0 : ends[from - 1]);
    while (at !== -1) {
      const place = firstAfter(ends, (end) => end - 1 - at);
      const entry = this.entries[place]!;
      if (words.every((one) => entry.sortKey.includes(one))) yield entry;
      at = keys.indexOf(word, ends[place]);
    }
  }
}

/** The keys, each with a line feed behind it, and where each ends. */
function joined(entries: readonly PeoplePosition[]): { keys: string; ends: Uint32Array } {
  const ends = new Uint32Array(entries.length);
  let end = 0;
  for (const [at, { sortKey }] of entries.entries()) {
    end += sortKey.length + 1;
    ends[at] = end;
  }
  return { keys: entries.map(({ sortKey }) => `${sortKey}\n`).join(''), ends };
}

/** The first place of a sorted list where `order` is above 0. */
function firstAfter<T>(list: ArrayLike<T>, order: (one: T) => number): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (order(list[middle]!) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

async function sortedInTurns<T extends PeoplePosition>(entries: readonly T[]): Promise<T[]> {
  let runs: T[][] = [];
  for (let from = 0; from < entries.length; from += RUN_ENTRIES) {
    runs.push(entries.slice(from, from + RUN_ENTRIES).sort(comparePositions));
    await nextTurn();
  }
  while (runs.length > 1) {
    const merged: T[][] = [];
    for (let at = 0; at < runs.length; at += 2)
      merged.push(await mergedInTurns(runs[at]!, runs[at + 1] ?? []));
    runs = merged;
  }
  return runs[0] ?? [];
}

async function mergedInTurns<T extends PeoplePosition>(one: readonly T[], other: readonly T[]): Promise<T[]> {
  const merged: T[] = [];
  let [left, right] = [0, 0];
  while (left < one.length && right < other.length) {
    const isLeft = comparePositions(one[left]!, other[right]!) <= 0;
    merged.push(isLeft ? one[left++]! : other[right++]!);
    if (merged.length % (4 * RUN_ENTRIES) === 0) await nextTurn();
  }
  return merged.concat(one.slice(left), other.slice(right));
}

export function comparePositions(one: PeoplePosition, other: PeoplePosition): number {
  if (one.sortKey !== other.sortKey) return one.sortKey < other.sortKey ? -1 : 1;
  if (one.personId === other.personId) return 0;
  return one.personId < other.personId ? -1 : 1;
}
