import type { GalleryReplica, MatchOptions, MatchOutcome, Probe } from '../../src/gallery/types.ts';
import type { ComparedPair } from '../../src/jobs/job.ts';
import { embeddingOf } from './fake-recogniser.ts';

interface Known {
  readonly id: string;
  readonly name: string;
  readonly embedding: Float32Array;
}

/** A gallery of people whose faces are their names (see FakeRecogniser). Changes are seen by its replica after a refresh. */
export class FakeGallery {
  version = 0;
  people: Known[] = [];
  readonly erased = new Set<string>();

  constructor(names: readonly string[] = []) {
    for (const name of names) this.add(name);
  }

  add(name: string): void {
    this.people = [...this.people, { id: `id-of-${name}`, name, embedding: embeddingOf(name) }];
    this.version++;
  }

  erase(name: string): void {
    this.people = this.people.filter((person) => person.name !== name);
    this.erased.add(`id-of-${name}`);
    this.version++;
  }

  openReplica(): FakeReplica {
    return new FakeReplica(this);
  }
}

export class FakeReplica implements GalleryReplica {
  version = 0;
  residentBytes = 0;
  activePack: string | undefined;
  refreshes = 0;
  /** Runs before each refresh reads, and may throw or wait. */
  beforeRefresh: () => Promise<void> | void = () => {};
  readonly #gallery: FakeGallery;
  #people: readonly Known[] = [];
  #erased: ReadonlySet<string> = new Set();

  constructor(gallery: FakeGallery) {
    this.#gallery = gallery;
  }

  get people(): number {
    return this.#people.length;
  }

  get faces(): number {
    return this.#people.length;
  }

  async refresh(): Promise<number> {
    this.refreshes++;
    await this.beforeRefresh();
    this.version = this.#gallery.version;
    this.#people = this.#gallery.people;
    this.#erased = new Set(this.#gallery.erased);
    return this.version;
  }

  async match(probes: readonly Probe[], { topK = 3 }: MatchOptions): Promise<MatchOutcome[]> {
    return probes.map(({ embedding }) => {
      const candidates = this.#people
        .map(({ id, name, embedding: other }) => ({
          personId: id,
          name,
          similarity: cosine(embedding, other),
        }))
        .sort((one, other) => other.similarity - one.similarity);
      const [best, second] = candidates;
      return {
        person:
          best !== undefined && best.similarity > 0.999_99 ? { id: best.personId, name: best.name } : null,
        similarity: best?.similarity ?? null,
        margin: best === undefined || second === undefined ? null : best.similarity - second.similarity,
        threshold: best === undefined ? null : 0.999_99,
        falseMatchRate: best === undefined ? null : 1e-3,
        unknownReason:
          best === undefined ? 'empty-gallery' : best.similarity > 0.999_99 ? null : 'too-dissimilar',
        candidates: candidates.slice(0, topK),
      };
    });
  }

  compare(first: readonly Probe[], second: readonly Probe[]): ComparedPair[] {
    const pairs = first.flatMap((one, at) =>
      second.map((other, index) => {
        const similarity = cosine(one.embedding, other.embedding);
        const isSamePerson = similarity > 0.999_99;
        return {
          first: at,
          second: index,
          isSamePerson,
          similarity,
          threshold: 0.999_99,
          falseMatchRate: isSamePerson ? 1e-6 : 1,
        };
      }),
    );
    return pairs.sort((one, other) => other.similarity - one.similarity);
  }

  isErased(personId: string): boolean {
    return this.#erased.has(personId);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function cosine(one: Float32Array, other: Float32Array): number {
  return one.reduce((sum, value, at) => sum + value * (other[at] ?? 0), 0);
}
