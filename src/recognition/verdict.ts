import type { Thresholds } from './packs.ts';
import { thresholdAt } from './thresholds.ts';

export interface ComparedFace {
  readonly embedding: Float32Array;
  readonly quality: { readonly sizePx: number };
}

/** Whether two faces are taken for one person, and what that rests on. */
export interface Verdict {
  readonly isSamePerson: boolean;
  /** -1 to 1. */
  readonly similarity: number;
  /** What the similarity had to reach at these face sizes. */
  readonly threshold: number;
  readonly falseMatchRate: number;
  /** The rate is rarer than any that the pack was measured at; the threshold then errs on the safe side. */
  readonly isExtrapolated: boolean;
}

/** Compares two faces whose embeddings come from the same pack, that of the thresholds. */
export function judge(
  [a, b]: readonly [ComparedFace, ComparedFace],
  { thresholds, falseMatchRate }: { thresholds: Thresholds; falseMatchRate: number },
): Verdict {
  const similarity = cosine(a.embedding, b.embedding);
  const largerWidthPx = Math.max(a.quality.sizePx, b.quality.sizePx);
  const threshold = thresholdAt(thresholds, { falseMatchRate, largerWidthPx });
  return {
    isSamePerson: similarity >= threshold.cosine,
    similarity,
    threshold: threshold.cosine,
    falseMatchRate,
    isExtrapolated: threshold.isExtrapolated,
  };
}

/** Of two vectors of unit length. */
export function cosine(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < a.length; index++) sum += a[index]! * b[index]!;
  return sum;
}
