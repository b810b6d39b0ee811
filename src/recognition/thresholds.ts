import type { ThresholdPoint, Thresholds } from './packs.ts';

export interface ThresholdQuery {
  /** How often one comparison with a stranger may pass, 0 to 1. */
  readonly falseMatchRate: number;
  /** Width in pixels of the larger of the two face boxes; a promised rate depends on size only when both faces are small. */
  readonly largerWidthPx: number;
}

export interface Threshold {
  readonly cosine: number;
  /** The rate is rarer than any the pack was measured at: the threshold errs on the safe side, and so says it. */
  readonly isExtrapolated: boolean;
}

/**
 * The cosine that two faces must reach to count as one person.
 *
 * Between measured rates it is linear in log10(rate). Rates more generous than the first point get the first point's
 * cosine, and rarer ones than the last continue its line, which overshoots (the line flattens): both on the safe side.
 */
export function thresholdAt(
  thresholds: Thresholds,
  { falseMatchRate, largerWidthPx }: ThresholdQuery,
): Threshold {
  const { slope, referenceWidthPx } = thresholds.smallFaces;
  const rarest = thresholds.points.at(-1);
  const base = cosineAt(thresholds.points, Math.log10(falseMatchRate));
  return {
    cosine: base + slope * Math.max(0, Math.log(referenceWidthPx / largerWidthPx)),
    isExtrapolated: rarest !== undefined && falseMatchRate < rarest.falseMatchRate,
  };
}

/**
 * How often two strangers reach this cosine at these face sizes: what `thresholdAt` says, asked the other way round.
 *
 * Between and beyond the measured rates it follows the same lines, so a similarity is at its threshold exactly when its
 * rate is the promised one. A pack with a single measured point tells only which side of it the cosine is on.
 */
export function falseMatchRateAt(
  { points, smallFaces }: Thresholds,
  { cosine, largerWidthPx }: { cosine: number; largerWidthPx: number },
): number {
  const { slope, referenceWidthPx } = smallFaces;
  const base = cosine - slope * Math.max(0, Math.log(referenceWidthPx / largerWidthPx));
  const [first, second] = points;
  if (first === undefined) throw new RangeError('a pack has at least one threshold');
  if (second === undefined) return base >= first.cosine ? first.falseMatchRate : 1;
  const at = points.findIndex((point, index) => index > 0 && base <= point.cosine);
  const to = points[at === -1 ? points.length - 1 : at] ?? second;
  const from = points[at === -1 ? points.length - 2 : at - 1] ?? first;
  if (to.cosine === from.cosine) return to.falseMatchRate;
  const [fromLog, toLog] = [Math.log10(from.falseMatchRate), Math.log10(to.falseMatchRate)];
  const logRate = fromLog + ((toLog - fromLog) * (base - from.cosine)) / (to.cosine - from.cosine);
  return Math.min(1, 10 ** logRate);
}

/**
 * The false match rate that each comparison may have, when a stranger is compared with `people` and should get a
 * name with probability `falsePositiveRate` at most: 1 - (1 - FPIR)^(1/people).
 */
export function falseMatchRateFor(falsePositiveRate: number, people: number): number {
  return -Math.expm1(Math.log1p(-falsePositiveRate) / Math.max(1, people));
}

function cosineAt(points: readonly ThresholdPoint[], logRate: number): number {
  const [first, ...others] = points;
  if (first === undefined) throw new RangeError('a pack has at least one threshold');
  let [from, to] = [first, first];
  for (const point of others) {
    [from, to] = [to, point];
    if (Math.log10(point.falseMatchRate) <= logRate) break;
  }
  const [fromLog, toLog] = [Math.log10(from.falseMatchRate), Math.log10(to.falseMatchRate)];
  if (logRate >= fromLog || fromLog === toLog) return from.cosine;
  return from.cosine + ((to.cosine - from.cosine) * (logRate - fromLog)) / (toLog - fromLog);
}
