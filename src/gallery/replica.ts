import { FacefleetError } from '../errors.ts';
import type { Candidate, ComparedPair, MatchLimits, UnknownReason } from '../jobs/job.ts';
import type { Logger } from '../logger.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { BUILT_IN_PACKS, type Thresholds } from '../recognition/packs.ts';
import { cosine } from '../recognition/verdict.ts';
import { assignFreely, assignPeople } from './assignment.ts';
import { compareAll } from './comparison.ts';
import type { SearchHits } from './exact-search.ts';
import { GalleryFollower } from './follower.ts';
import type { GalleryState, Templates } from './gallery-state.ts';
import { DEFAULT_GALLERY, galleryKeys } from './keys.ts';
import { Matcher } from './matcher.ts';
import { type FaceHit, OpenSetRule, type RankedPerson } from './open-set.ts';
import type { GalleryReplica, MatchOptions, MatchOutcome, Probe } from './types.ts';
import type { VectorMatrix } from './vector-matrix.ts';

const DEFAULT_TOP_K = 3;
/** Faces looked at first; more when they belong to too few people. */
const FIRST_COUNT = 16;
const NOBODY_THERE: MatchOutcome = {
  person: null,
  similarity: null,
  margin: null,
  threshold: null,
  falseMatchRate: null,
  unknownReason: 'empty-gallery',
  candidates: [],
};
/** Of a cosine. */
const ROUNDING = 1e-5;

export interface ReplicaOptions {
  readonly state: ObjectStore;
  /** The pack whose templates are matched. */
  readonly packId: string;
  /** Of the pack; needed for one that is not built in. */
  readonly thresholds?: Thresholds;
  /** Default `default`. */
  readonly name?: string;
  /** Search always (or never) in a thread of its own; by default as the gallery's size suggests. */
  readonly inThread?: boolean;
  readonly logger?: Logger;
}

/** Loads the gallery into memory; dispose it to end its thread. */
export async function openGalleryReplica(options: ReplicaOptions): Promise<GalleryReplica> {
  const replica = new Replica(options);
  await replica.refresh();
  return replica;
}

class Replica implements GalleryReplica {
  readonly #packId: string;
  readonly #thresholds: Thresholds;
  readonly #follower: GalleryFollower;
  readonly #matcher: Matcher;
  readonly #logger: Logger | undefined;
  #hasWarned = false;

  constructor({ state, packId, thresholds, name = DEFAULT_GALLERY, inThread, logger }: ReplicaOptions) {
    this.#packId = packId;
    this.#thresholds = thresholds ?? thresholdsOf(packId);
    this.#follower = new GalleryFollower({ store: state, keys: galleryKeys(name), packs: [packId] });
    this.#matcher = new Matcher(inThread);
    this.#logger = logger;
  }

  get version(): number {
    return this.#follower.version;
  }

  get people(): number {
    return this.#follower.state.roster.size;
  }

  get faces(): number {
    return this.#follower.state.faces.live;
  }

  get residentBytes(): number {
    return this.#follower.state.residentBytes;
  }

  get activePack(): string | undefined {
    return this.#follower.state.activePack;
  }

  refresh(): Promise<number> {
    return this.#follower.refresh();
  }

  isErased(personId: string): boolean {
    return this.#follower.state.roster.tombstoneOf(personId) !== undefined;
  }

  async match(probes: readonly Probe[], options: MatchOptions): Promise<MatchOutcome[]> {
    // One state for the whole call: a refresh meanwhile adds to it or replaces it, but moves no row.
    const { state } = this.#follower;
    const templates = state.templates.get(this.#packId);
    const faces = liveTemplates(state, templates);
    if (templates?.matrix === undefined || faces === 0) return probes.map(() => NOBODY_THERE);
    const rule = new OpenSetRule(this.#thresholds, { ...options, faces });
    this.#warnOnce(rule);
    const search = { state, templates, matrix: templates.matrix, rule, topK: options.topK ?? DEFAULT_TOP_K };
    const rankings = await this.#rankSettled(probes, search);
    if (options.allowRepeats === true) return outcomes(rankings, assignFreely(peopleOf(rankings)), search);
    return outcomes(rankings, await this.#assign(probes, rankings, search), search);
  }

  compare(first: readonly Probe[], second: readonly Probe[], limits: MatchLimits): ComparedPair[] {
    return compareAll(this.#thresholds, first, second, limits);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#matcher[Symbol.asyncDispose]();
  }

  /** Rankings that no face which was not looked at can change, as far as is told of them. */
  async #rankSettled(probes: readonly Probe[], search: Search): Promise<Ranking[]> {
    const rankings = await this.#rank(probes, search, FIRST_COUNT);
    const isOpen = (ranking: Ranking) => !isSettled(ranking, search);
    while (await this.#deepen(probes, rankings, search, isOpen));
    return rankings;
  }

  /**
   * Gives each person to at most one probe. A probe that didn't get its first may be given one that comes so late in its
   * ranking that a face not looked at could matter; then that one is looked at deeper, in place.
   */
  async #assign(probes: readonly Probe[], rankings: Ranking[], search: Search): Promise<number[]> {
    for (;;) {
      const places = assignPeople(peopleOf(rankings));
      const isOpen = ({ people, unseen }: Ranking, at: number) => {
        const given = people[places[at] ?? -1]?.evidence ?? 0;
        return unseen >= given;
      };
      if (probes.length === 1 || !(await this.#deepen(probes, rankings, search, isOpen))) return places;
    }
  }

  /** Replaces the rankings that are open by such that looked at eight times as many faces; false when none is. */
  async #deepen(
    probes: readonly Probe[],
    rankings: Ranking[],
    search: Search,
    isOpen: (ranking: Ranking, at: number) => boolean,
  ): Promise<boolean> {
    const open = rankings.flatMap((ranking, at) => (isOpen(ranking, at) ? [at] : []));
    if (open.length === 0) return false;
    const count = 8 * Math.max(...open.map((at) => rankings[at]?.seen ?? FIRST_COUNT));
    const wanted = open.map((at) => probes[at]!);
    const deeper = await this.#rank(wanted, search, count);
    for (const [index, at] of open.entries()) rankings[at] = deeper[index]!;
    return true;
  }

  /** Looks at the `count` nearest faces of each probe. */
  async #rank(probes: readonly Probe[], search: Search, count: number): Promise<Ranking[]> {
    const { matrix } = search;
    const hits = await this.#matcher.search({
      chunks: matrix.chunks(),
      dimensions: matrix.dimensions,
      probes: concatenated(probes, matrix.dimensions),
      count,
    });
    return probes.map((probe, at) => rankHits(hits[at], probe, search));
  }

  #warnOnce(rule: OpenSetRule): void {
    if (!rule.isExtrapolated || this.#hasWarned) return;
    this.#hasWarned = true;
    this.#logger?.warn(
      { packId: this.#packId, faces: this.faces, falseMatchRate: rule.falseMatchRate },
      'the gallery asks for a rarer false match rate than the pack was measured at; thresholds are extrapolated, to the safe side',
    );
  }
}

interface Search {
  readonly state: GalleryState;
  readonly templates: Templates;
  readonly matrix: VectorMatrix;
  readonly rule: OpenSetRule;
  readonly topK: number;
}

/** The people behind the nearest faces of a probe. */
interface Ranking {
  readonly people: readonly RankedPerson[];
  /** Faces looked at. */
  readonly seen: number;
  /** The most evidence that a face not looked at can give. */
  readonly unseen: number;
}

function rankHits(hits: SearchHits | undefined, probe: Probe, search: Search): Ranking {
  const { state, templates, rule, matrix } = search;
  const seen = hits?.rows.length ?? 0;
  const barred = new CounterexampleCheck(probe, search);
  const faceHits: FaceHit[] = [];
  for (const [at, row] of hits?.rows.entries() ?? []) {
    const faceRow = templates.faceRows[row] ?? -1;
    if (!state.faces.isLive(faceRow)) continue;
    const person = state.faces.person[faceRow] ?? -1;
    const similarity = hits?.similarities[at] ?? -1;
    if (state.roster.at(person) === undefined || barred.bars(person, similarity)) continue;
    faceHits.push({ person, sizePx: state.faces.sizePx[faceRow] ?? 0, similarity });
  }
  return {
    people: rule.rank(faceHits, probe.sizePx),
    seen,
    unseen:
      seen >= matrix.rows ? Number.NEGATIVE_INFINITY : rule.mostEvidenceOf(hits?.similarities.at(-1) ?? -1),
  };
}

/** A face of a person counts only if it is more like the probe than every counterexample of that person is. */
class CounterexampleCheck {
  readonly #probe: Probe;
  readonly #search: Search;
  readonly #closest = new Map<number, number>();

  constructor(probe: Probe, search: Search) {
    this.#probe = probe;
    this.#search = search;
  }

  bars(person: number, similarity: number): boolean {
    if (this.#search.state.counterexamples.of(person).size === 0) return false;
    let closest = this.#closest.get(person);
    if (closest === undefined) {
      closest = this.#closestOf(person);
      this.#closest.set(person, closest);
    }
    // Both come from sums of float32 products in different orders: equal ones may differ in the last digits.
    return similarity <= closest + ROUNDING;
  }

  #closestOf(person: number): number {
    const { state, templates, matrix } = this.#search;
    const similarities = Array.from(state.counterexamples.of(person), (faceRow) => {
      const row = templates.faceRows.indexOf(faceRow);
      return row === -1 ? Number.NEGATIVE_INFINITY : cosine(matrix.row(row), this.#probe.embedding);
    });
    return Math.max(...similarities);
  }
}

/** Whether no face beyond those looked at can change the people that are told of. */
function isSettled({ people, unseen }: Ranking, { topK, state }: Search): boolean {
  if (unseen === Number.NEGATIVE_INFINITY) return true;
  const wanted = Math.min(Math.max(topK, 2), state.roster.size);
  const last = people[wanted - 1];
  return last !== undefined && last.evidence >= unseen;
}

function peopleOf(rankings: readonly Ranking[]): (readonly RankedPerson[])[] {
  return rankings.map(({ people }) => people);
}

function outcomes(rankings: readonly Ranking[], places: readonly number[], search: Search): MatchOutcome[] {
  return rankings.map(({ people }, at) => outcome(people, places[at] ?? -1, search));
}

/** `place`: of the person it is in the ranking; -1 is nobody. */
function outcome(people: readonly RankedPerson[], place: number, search: Search): MatchOutcome {
  const best = people[0];
  if (best === undefined) return NOBODY_THERE;
  const told = people[place] ?? best;
  const rival = place > 0 ? best : people[1];
  return {
    person: place === -1 ? null : named(told, search),
    similarity: told.similarity,
    margin: rival === undefined ? null : told.evidence - rival.evidence,
    threshold: told.threshold,
    falseMatchRate: search.rule.rateOf(told),
    unknownReason: unknownReason(best, place),
    candidates: people.slice(0, search.topK).map((ranked) => candidate(ranked, search)),
  };
}

function unknownReason(best: RankedPerson, place: number): UnknownReason | null {
  if (place !== -1) return null;
  return best.evidence >= 0 ? 'given-to-another-face' : 'too-dissimilar';
}

function candidate(ranked: RankedPerson, search: Search): Candidate {
  const { id: personId, name } = named(ranked, search);
  return { personId, name, similarity: ranked.similarity, falseMatchRate: search.rule.rateOf(ranked) };
}

function named({ person }: RankedPerson, { state }: Search): { id: string; name: string } {
  const { personId, name } = state.roster.at(person)!;
  return { id: personId, name };
}

function liveTemplates(state: GalleryState, templates: Templates | undefined): number {
  return templates === undefined ? 0 : Math.min(templates.faceRows.length, state.faces.live);
}

function concatenated(probes: readonly Probe[], dimensions: number): Float32Array {
  const all = new Float32Array(probes.length * dimensions);
  for (const [at, { embedding }] of probes.entries()) {
    if (embedding.length !== dimensions) {
      throw new FacefleetError(
        'bad-request',
        `a probe has ${embedding.length} floats, the gallery's templates have ${dimensions}`,
      );
    }
    all.set(embedding, at * dimensions);
  }
  return all;
}

function thresholdsOf(packId: string): Thresholds {
  const pack = BUILT_IN_PACKS.find((one) => one.id === packId);
  if (pack !== undefined) return pack.thresholds;
  throw new FacefleetError('bad-request', `the pack ${packId} is not built in: pass its thresholds`);
}
