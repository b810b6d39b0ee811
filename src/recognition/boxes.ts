import type { Box } from './types.ts';

export function area({ width, height }: Box): number {
  return Math.max(0, width) * Math.max(0, height);
}

export function intersection(a: Box, b: Box): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return width <= 0 || height <= 0 ? 0 : width * height;
}

/** Intersection over union, 0 to 1. */
export function overlap(a: Box, b: Box): number {
  const common = intersection(a, b);
  return common === 0 ? 0 : common / (area(a) + area(b) - common);
}

/** Intersection over the smaller of the two, 0 to 1: a box inside another has 1. */
export function overlapOfSmaller(a: Box, b: Box): number {
  const common = intersection(a, b);
  return common === 0 ? 0 : common / Math.min(area(a), area(b));
}

/** The square of the longer side, times `factor`, around the same centre. */
export function squareAround({ x, y, width, height }: Box, factor = 1): Box {
  const side = Math.max(width, height) * factor;
  return { x: x + (width - side) / 2, y: y + (height - side) / 2, width: side, height: side };
}

export function scaleBox({ x, y, width, height }: Box, factor: number): Box {
  return { x: x * factor, y: y * factor, width: width * factor, height: height * factor };
}

/** Keeps the best of each group of boxes that overlap by more than `limit`. */
export function suppress<T extends { readonly box: Box }>(
  found: readonly T[],
  rank: (one: T) => number,
  { limit, measure }: { limit: number; measure: (a: Box, b: Box) => number },
): T[] {
  const kept: T[] = [];
  for (const one of found.toSorted((a, b) => rank(b) - rank(a))) {
    if (kept.every((better) => measure(better.box, one.box) <= limit)) kept.push(one);
  }
  return kept;
}

export interface ScoredBox {
  readonly box: Box;
  /** 0 to 1. */
  readonly score: number;
}

/**
 * Replaces each group of boxes that overlap its best one by more than `limit` (IoU) by their mean, weighted by score. Steadier
 * than keeping the best alone, since BlazeFace gives a face several boxes that jitter around it.
 */
export function blend(found: readonly ScoredBox[], limit: number): ScoredBox[] {
  let rest = found.toSorted((a, b) => b.score - a.score);
  const blended: ScoredBox[] = [];
  for (let best = rest[0]; best !== undefined; best = rest[0]) {
    const leader = best;
    const group = rest.filter((one) => one === leader || overlap(one.box, leader.box) > limit);
    rest = rest.filter((one) => !group.includes(one));
    blended.push({ box: weightedMean(group), score: leader.score });
  }
  return blended;
}

function weightedMean(group: readonly ScoredBox[]): Box {
  const mean = { x: 0, y: 0, width: 0, height: 0 };
  const total = group.reduce((sum, { score }) => sum + score, 0);
  for (const { box, score } of group) {
    mean.x += (box.x * score) / total;
    mean.y += (box.y * score) / total;
    mean.width += (box.width * score) / total;
    mean.height += (box.height * score) / total;
  }
  return mean;
}
