import { FacefleetError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { BUILT_IN_PACKS, type Thresholds } from '../recognition/packs.ts';
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
  candidates: [],
};

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
    const rankings = await this.#rank(probes, search, FIRST_COUNT);
    return rankings.map((ranking) => outcome(ranking, search));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#matcher[Symbol.asyncDispose]();
  }

  /** Looks at the `count` nearest faces of each probe, and at more where a face not looked at could still matter. */
  async #rank(probes: readonly Probe[], search: Search, count: number): Promise<RankedPerson[][]> {
    const { matrix } = search;
    const hits = await this.#matcher.search({
      chunks: matrix.chunks(),
      dimensions: matrix.dimensions,
      probes: concatenated(probes, matrix.dimensions),
      count,
    });
    const rankings = probes.map((probe, at) => rankHits(hits[at], probe, search));
    const open = probes.flatMap((_, at) => (isSettled(rankings[at], hits[at], search) ? [] : [at]));
    if (open.length === 0) return rankings;
    const deeper = await this.#rank(
      open.map((at) => probes[at]!),
      search,
      count * 8,
    );
    for (const [index, at] of open.entries()) rankings[at] = deeper[index] ?? [];
    return rankings;
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

function rankHits(hits: SearchHits | undefined, probe: Probe, search: Search): RankedPerson[] {
  const { state, templates, rule } = search;
  const faceHits: FaceHit[] = [];
  for (const [at, row] of hits?.rows.entries() ?? []) {
    const faceRow = templates.faceRows[row] ?? -1;
    if (!state.faces.isLive(faceRow)) continue;
    faceHits.push({
      person: state.faces.person[faceRow] ?? -1,
      sizePx: state.faces.sizePx[faceRow] ?? 0,
      similarity: hits?.similarities[at] ?? -1,
    });
  }
  return rule.rank(faceHits, probe.sizePx);
}

/** Whether no face beyond those looked at can change the people that are told of. */
function isSettled(
  ranking: RankedPerson[] | undefined,
  hits: SearchHits | undefined,
  search: Search,
): boolean {
  if (hits === undefined || hits.rows.length >= search.matrix.rows) return true;
  const wanted = Math.min(Math.max(search.topK, 2), search.state.roster.size);
  const last = ranking?.[wanted - 1];
  const unseen = search.rule.mostEvidenceOf(hits.similarities.at(-1) ?? -1);
  return last !== undefined && last.evidence >= unseen;
}

function outcome(ranking: readonly RankedPerson[], { state, topK }: Search): MatchOutcome {
  const people = ranking.flatMap((ranked) => {
    const person = state.roster.at(ranked.person);
    return person === undefined ? [] : [{ ...ranked, id: person.personId, name: person.name }];
  });
  const [best, second] = people;
  if (best === undefined) return NOBODY_THERE;
  return {
    person: best.evidence >= 0 ? { id: best.id, name: best.name } : null,
    similarity: best.similarity,
    margin: second === undefined ? null : best.evidence - second.evidence,
    threshold: best.threshold,
    candidates: people.slice(0, topK).map(({ id, name, similarity }) => ({ personId: id, name, similarity })),
  };
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
