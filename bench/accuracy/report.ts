import { cosine } from '../../src/recognition/index.ts';
import type { AllPairsResult } from './all-pairs.ts';
import type { ChosenFace } from './embedding.ts';
import {
  equalErrorRate,
  type FoldedAccuracy,
  leaveOneFoldOut,
  type ScoredPair,
  type Share,
  type TrueMatchRate,
  trueMatchRate,
  wilson,
} from './measures.ts';
import type { Pair } from './pairs.ts';

const FALSE_MATCH_RATES = [1e-2, 1e-3] as const;
/** Edges of the rows by face size, pixels. */
const SIZES_PX = [0, 20, 28, 40, 56, 80, Number.POSITIVE_INFINITY] as const;

export interface PairsReport {
  readonly pairs: number;
  readonly pictures: number;
  readonly withoutFace: readonly string[];
  readonly accuracy: FoldedAccuracy;
  readonly equalError: { readonly rate: number; readonly threshold: number };
  readonly trueMatch: readonly TrueMatchRate[];
  readonly bySize: readonly SizeRow[];
}

/** Pairs by the width of their smaller face, judged by the threshold of all pairs at a false match rate of 1e-2. */
interface SizeRow {
  readonly fromPx: number;
  readonly toPx: number;
  readonly genuine: number;
  readonly strangers: number;
  readonly trueMatch: Share;
  readonly falseMatch: Share;
}

interface SizedPair extends ScoredPair {
  readonly smallerPx: number | undefined;
}

export interface FacesOfPairs {
  readonly a: ReadonlyMap<string, ChosenFace>;
  readonly b: ReadonlyMap<string, ChosenFace>;
  readonly pictures: number;
  readonly withoutFace: readonly string[];
}

export function reportPairs(pairs: readonly Pair[], faces: FacesOfPairs): PairsReport {
  const scored = pairs.map((pair) => score(pair, faces.a.get(pair.a), faces.b.get(pair.b)));
  const trueMatch = FALSE_MATCH_RATES.map((rate) => trueMatchRate(scored, rate));
  return {
    pairs: pairs.length,
    pictures: faces.pictures,
    withoutFace: faces.withoutFace,
    accuracy: leaveOneFoldOut(scored),
    equalError: equalErrorRate(scored),
    trueMatch,
    bySize: rowsBySize(scored, trueMatch[0]!.threshold),
  };
}

function score(pair: Pair, a: ChosenFace | undefined, b: ChosenFace | undefined): SizedPair {
  if (a === undefined || b === undefined) return { ...pair, score: -1, smallerPx: undefined };
  return { ...pair, score: cosine(a.embedding, b.embedding), smallerPx: Math.min(a.sizePx, b.sizePx) };
}

function rowsBySize(pairs: readonly SizedPair[], threshold: number): SizeRow[] {
  const passed = (some: readonly SizedPair[]) =>
    wilson(some.filter((pair) => pair.score >= threshold).length, some.length);
  return SIZES_PX.slice(0, -1).flatMap((fromPx, index) => {
    const toPx = SIZES_PX[index + 1]!;
    const within = pairs.filter(
      ({ smallerPx }) => smallerPx !== undefined && smallerPx >= fromPx && smallerPx < toPx,
    );
    if (within.length === 0) return [];
    const genuine = within.filter(({ isSame }) => isSame);
    const strangers = within.filter(({ isSame }) => !isSame);
    return [
      {
        fromPx,
        toPx,
        genuine: genuine.length,
        strangers: strangers.length,
        trueMatch: passed(genuine),
        falseMatch: passed(strangers),
      },
    ];
  });
}

export function pairsAsText(report: PairsReport): string {
  const { accuracy, equalError, trueMatch, bySize, withoutFace } = report;
  const folds = accuracy.byFold.map((fold) => percent(fold)).join(' ');
  return [
    `${report.pairs} pairs of ${report.pictures} pictures; no face in ${withoutFace.length}${listed(withoutFace)}`,
    '',
    `accuracy           ${interval(accuracy)}  ± ${percent(accuracy.standardDeviation)} between ${accuracy.byFold.length} folds (${folds})`,
    `equal error rate   ${percent(equalError.rate)} % at ${equalError.threshold.toFixed(3)}`,
    ...trueMatch.map(
      (rate) =>
        `true match rate    ${interval(rate)}  at a false match rate of ${rate.falseMatchRate}, threshold ${rate.threshold.toFixed(3)}` +
        (rate.falseMatches < 10 ? ` (rests on ${rate.falseMatches + 1} pairs)` : ''),
    ),
    '',
    'by the smaller face, at the threshold for 0.01:',
    ...bySize.map(
      ({ fromPx, toPx, genuine, strangers, trueMatch, falseMatch }) =>
        `${`${fromPx} to ${toPx} px`.padEnd(18)} true match ${interval(trueMatch)} of ${genuine}, false match ${interval(falseMatch)} of ${strangers}`,
    ),
    '',
    'In brackets: 95 % intervals (Wilson). A picture without a face counts as unlike every other.',
    '',
  ].join('\n');
}

export function allPairsAsText({ rates, ...result }: AllPairsResult): string {
  return [
    `${result.genuinePairs} genuine pairs of ${result.people} people, ${result.strangerPairs} of strangers`,
    '',
    ...rates.map(
      ({ falseMatchRate, threshold, trueMatchRate, low, high, falseMatches }) =>
        `true match rate    ${interval({ value: trueMatchRate, low, high })}  at a false match rate of ${falseMatchRate}, threshold ${threshold.toFixed(3)}` +
        (falseMatches < 10 ? ` (rests on ${falseMatches + 1} pairs)` : ''),
    ),
    '',
    'strangers most alike (wrong labels show here):',
    ...result.mostAlike.map(({ a, b, score }) => `  ${score.toFixed(3)}  ${a}  ${b}`),
    '',
    'The mean over people, each counting once. In brackets: 95 % intervals (bootstrap over people).',
    '',
  ].join('\n');
}

function interval({ value, low, high }: Share): string {
  return `${percent(value)} % [${percent(low)}, ${percent(high)}]`;
}

function percent(share: number): string {
  return (share * 100).toFixed(2);
}

function listed(paths: readonly string[]): string {
  if (paths.length === 0) return '';
  return ` (${paths.slice(0, 5).join(', ')}${paths.length > 5 ? ', …' : ''})`;
}
