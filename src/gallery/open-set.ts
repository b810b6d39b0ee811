import type { Thresholds } from '../recognition/packs.ts';
import { falseMatchRateAt, falseMatchRateFor, thresholdAt } from '../recognition/thresholds.ts';

/** One enrolled face compared with a probe. */
export interface FaceHit {
  /** Index of the person in the roster. */
  readonly person: number;
  /** Cosine. */
  readonly similarity: number;
  /** Width in pixels of the enrolled face. */
  readonly sizePx: number;
}

/** A person with the face that speaks for them most. */
export interface RankedPerson {
  readonly person: number;
  readonly similarity: number;
  /** What that face's similarity has to reach. */
  readonly threshold: number;
  /** Similarity minus threshold: at 0 and above it is them. */
  readonly evidence: number;
  /** Of the two faces compared, pixels. */
  readonly largerWidthPx: number;
}

/** What a similarity has to reach: set by one of three figures, the last one given. */
export interface OpenSetPromise {
  /** How often a stranger may get a name at all. */
  readonly falsePositiveRate: number;
  /** Faces that a stranger is compared with. */
  readonly faces: number;
  /** How often a single comparison with a stranger may pass. */
  readonly falseMatchRate?: number;
  /** The cosine itself, at any size. */
  readonly threshold?: number;
}

/**
 * The rule of an open-set search: how much a similarity must be for the operator's false positive identification
 * rate to hold, over as many comparisons as the gallery has faces.
 *
 * Faces are counted, not people: a stranger is compared with every face, and though faces of one person pass or fail
 * together more often than not, only counting all of them is sure to keep the promise. The threshold depends on the
 * sizes of BOTH faces of a comparison, so it is one of each face, and who wins is decided by what is left after it.
 */
export class OpenSetRule {
  readonly falseMatchRate: number;
  /** The gallery is larger, or the promise stricter, than the pack was ever measured for. */
  readonly isExtrapolated: boolean;
  /** What full-size faces have to reach: the least threshold there is. */
  readonly baseThreshold: number;
  readonly #thresholds: Thresholds;
  readonly #fixedThreshold: number | undefined;

  constructor(
    thresholds: Thresholds,
    { falsePositiveRate, faces, falseMatchRate, threshold }: OpenSetPromise,
  ) {
    this.#thresholds = thresholds;
    this.#fixedThreshold = threshold;
    this.falseMatchRate = falseMatchRate ?? falseMatchRateFor(falsePositiveRate, faces);
    const base = this.#at(Number.POSITIVE_INFINITY);
    this.baseThreshold = threshold ?? base.cosine;
    this.isExtrapolated = threshold === undefined && base.isExtrapolated;
  }

  /** What two faces of these widths have to reach. */
  thresholdFor(probeSizePx: number, enrolledSizePx: number): number {
    const larger = Math.max(probeSizePx, enrolledSizePx);
    const isAlike =
      this.#fixedThreshold !== undefined || larger >= this.#thresholds.smallFaces.referenceWidthPx;
    return isAlike ? this.baseThreshold : this.#at(larger).cosine;
  }

  /** How often two strangers come as close as this. */
  rateOf({ similarity, largerWidthPx }: Pick<RankedPerson, 'similarity' | 'largerWidthPx'>): number {
    return falseMatchRateAt(this.#thresholds, { cosine: similarity, largerWidthPx });
  }

  /** People by evidence, most first: each with the best of their faces. */
  rank(hits: Iterable<FaceHit>, probeSizePx: number): RankedPerson[] {
    const best = new Map<number, RankedPerson>();
    for (const { person, similarity, sizePx } of hits) {
      const threshold = this.thresholdFor(probeSizePx, sizePx);
      const evidence = similarity - threshold;
      const known = best.get(person);
      if (known === undefined || evidence > known.evidence)
        best.set(person, {
          ...{ person, similarity, threshold, evidence },
          largerWidthPx: Math.max(probeSizePx, sizePx),
        });
    }
    return [...best.values()].sort((a, b) => b.evidence - a.evidence);
  }

  /** The most evidence that a face can give whose similarity is at most this. */
  mostEvidenceOf(similarity: number): number {
    return similarity - this.baseThreshold;
  }

  #at(largerWidthPx: number) {
    return thresholdAt(this.#thresholds, { falseMatchRate: this.falseMatchRate, largerWidthPx });
  }
}
