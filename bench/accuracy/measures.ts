/**
 * Figures that tell recognisers apart. All are computed from scored pairs: how alike two pictures were found, and whether they
 * show one person. A pair of which a picture showed no face has the least score there is, so it counts as told apart.
 */

export interface ScoredPair {
  readonly fold: string;
  readonly isSame: boolean;
  /** Cosine; -1 when a face was not found. */
  readonly score: number;
}

/** A share with its 95 % confidence interval, all 0 to 1. */
export interface Share {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Wilson's interval: sound near 0 and 1, where good recognisers are. It takes the pairs as independent. */
export function wilson(hits: number, total: number): Share {
  if (total === 0) return { value: Number.NaN, low: 0, high: 1 };
  const z = 1.96;
  const share = hits / total;
  const centre = share + z ** 2 / (2 * total);
  const spread = z * Math.sqrt((share * (1 - share)) / total + z ** 2 / (4 * total ** 2));
  const norm = 1 + z ** 2 / total;
  return {
    value: share,
    low: Math.max(0, (centre - spread) / norm),
    high: Math.min(1, (centre + spread) / norm),
  };
}

export interface FoldedAccuracy extends Share {
  /** One a fold, in the order of the folds. */
  readonly byFold: readonly number[];
  /** Between folds. */
  readonly standardDeviation: number;
}

/** Each fold judged by the threshold that is best on the others. */
export function leaveOneFoldOut(pairs: readonly ScoredPair[]): FoldedAccuracy {
  const folds = [...new Set(pairs.map(({ fold }) => fold))];
  if (folds.length < 2) throw new RangeError(`${folds.length} fold given, expected two at least`);
  let hits = 0;
  const byFold = folds.map((fold) => {
    const threshold = bestThreshold(pairs.filter((pair) => pair.fold !== fold));
    const judged = pairs.filter((pair) => pair.fold === fold);
    const right = judged.filter(({ score, isSame }) => score >= threshold === isSame).length;
    hits += right;
    return right / judged.length;
  });
  const mean = byFold.reduce((sum, accuracy) => sum + accuracy, 0) / folds.length;
  const variance = byFold.reduce((sum, accuracy) => sum + (accuracy - mean) ** 2, 0) / (folds.length - 1);
  return { ...wilson(hits, pairs.length), value: mean, byFold, standardDeviation: Math.sqrt(variance) };
}

/** The score that tells most of the pairs right, halfway between the two scores it falls between. */
export function bestThreshold(pairs: readonly ScoredPair[]): number {
  const falling = pairs.toSorted((a, b) => b.score - a.score);
  // Above every score all are told apart; each pair that the threshold sinks below changes sides.
  let right = falling.filter(({ isSame }) => !isSame).length;
  let best = { right, threshold: (falling[0]?.score ?? 1) + 1e-6 };
  for (const [index, { isSame, score }] of falling.entries()) {
    right += isSame ? 1 : -1;
    const next = falling[index + 1]?.score ?? score - 1e-6;
    if (right > best.right && next < score) best = { right, threshold: (score + next) / 2 };
  }
  return best.threshold;
}

/** Where as many strangers pass as genuine pairs fail. */
export function equalErrorRate(pairs: readonly ScoredPair[]): { rate: number; threshold: number } {
  const rising = pairs.toSorted((a, b) => a.score - b.score);
  const genuine = pairs.filter(({ isSame }) => isSame).length;
  const strangers = pairs.length - genuine;
  let rejected = 0;
  let passed = strangers;
  for (const { isSame, score } of rising) {
    // With the threshold just above this score.
    if (isSame) rejected++;
    else passed--;
    const falseNonMatch = rejected / genuine;
    const falseMatch = passed / strangers;
    if (falseNonMatch >= falseMatch) return { rate: (falseNonMatch + falseMatch) / 2, threshold: score };
  }
  return { rate: 0, threshold: rising.at(-1)?.score ?? 1 };
}

export interface TrueMatchRate extends Share {
  readonly falseMatchRate: number;
  /** The least score at which no larger share of strangers passes. */
  readonly threshold: number;
  /** How many strangers passed: below some ten the threshold rests on chance. */
  readonly falseMatches: number;
}

export function trueMatchRate(pairs: readonly ScoredPair[], falseMatchRate: number): TrueMatchRate {
  const strangers = pairs.filter(({ isSame }) => !isSame).map(({ score }) => score);
  const genuine = pairs.filter(({ isSame }) => isSame).map(({ score }) => score);
  const threshold = thresholdFor(strangers, falseMatchRate);
  return {
    ...wilson(genuine.filter((score) => score >= threshold).length, genuine.length),
    falseMatchRate,
    threshold,
    falseMatches: strangers.filter((score) => score >= threshold).length,
  };
}

/** Just above the first stranger that would be one too many. */
function thresholdFor(strangers: readonly number[], falseMatchRate: number): number {
  const falling = strangers.toSorted((a, b) => b - a);
  const allowed = Math.floor(falling.length * falseMatchRate);
  return (falling[allowed] ?? -1) + 1e-6;
}
