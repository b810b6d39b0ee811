import type { ComparedPair, MatchLimits } from '../jobs/job.ts';
import type { Thresholds } from '../recognition/packs.ts';
import { cosine } from '../recognition/verdict.ts';
import { OpenSetRule } from './open-set.ts';
import type { Probe } from './types.ts';

/** How often two strangers may pass for one person when two pictures are compared, unless the caller says otherwise. */
export const COMPARISON_FALSE_MATCH_RATE = 1e-4;

/** Each probe of the first picture with each of the second, most similar first. */
export function compareAll(
  thresholds: Thresholds,
  first: readonly Probe[],
  second: readonly Probe[],
  { falseMatchRate = COMPARISON_FALSE_MATCH_RATE, threshold }: MatchLimits,
): ComparedPair[] {
  const rule = new OpenSetRule(thresholds, {
    ...{ falsePositiveRate: falseMatchRate, faces: 1, falseMatchRate },
    ...(threshold === undefined ? {} : { threshold }),
  });
  const pairs = first.flatMap((one, at) =>
    second.map((other, index): ComparedPair => {
      const similarity = cosine(one.embedding, other.embedding);
      const needed = rule.thresholdFor(one.sizePx, other.sizePx);
      const largerWidthPx = Math.max(one.sizePx, other.sizePx);
      return {
        ...{ first: at, second: index, isSamePerson: similarity >= needed, similarity, threshold: needed },
        falseMatchRate: rule.rateOf({ similarity, largerWidthPx }),
      };
    }),
  );
  return pairs.sort((one, other) => other.similarity - one.similarity);
}
