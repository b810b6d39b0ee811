/**
 * Which faces are not whom they were taken for. A counterexample of a person keeps everybody who looks more like it than
 * like them from getting their name; so the face itself can never match that person again.
 */
export class Counterexamples {
  /** Face rows by index of the person. */
  readonly #rows = new Map<number, Set<number>>();

  /** Face rows that are not this person. */
  of(person: number): ReadonlySet<number> {
    return this.#rows.get(person) ?? NONE;
  }

  has(person: number, faceRow: number): boolean {
    return this.of(person).has(faceRow);
  }

  /** Whether the face is a counterexample of anybody. */
  isUsed(faceRow: number): boolean {
    return [...this.#rows.values()].some((rows) => rows.has(faceRow));
  }

  isOnlyOf(person: number, faceRow: number): boolean {
    return [...this.#rows].every(([who, rows]) => rows.has(faceRow) === (who === person));
  }

  add(person: number, faceRow: number): void {
    const rows = this.#rows.get(person) ?? new Set();
    this.#rows.set(person, rows.add(faceRow));
  }

  remove(person: number, faceRow: number): void {
    const rows = this.#rows.get(person);
    rows?.delete(faceRow);
    if (rows?.size === 0) this.#rows.delete(person);
  }

  /** The person is gone. */
  forgetPerson(person: number): void {
    this.#rows.delete(person);
  }

  /** The face is gone. */
  forgetFace(faceRow: number): void {
    for (const person of [...this.#rows.keys()]) this.remove(person, faceRow);
  }

  /** As pairs, for storing. */
  pairs(): [person: number, faceRow: number][] {
    return [...this.#rows].flatMap(([person, rows]) =>
      Array.from(rows, (row): [number, number] => [person, row]),
    );
  }
}

const NONE: ReadonlySet<number> = new Set();
