import { createProgress } from '../../src/cli/progress.ts';
import { cosine } from '../../src/recognition/index.ts';

export interface PersonFace {
  readonly person: string;
  readonly path: string;
  readonly embedding: Float32Array;
}

export interface AllPairsResult {
  readonly strangerPairs: number;
  readonly genuinePairs: number;
  /** People with two faces at least. */
  readonly people: number;
  readonly rates: readonly PersonAveragedRate[];
  /** The pairs of different people that look most alike: where labels are wrong, it shows here. */
  readonly mostAlike: readonly { readonly a: string; readonly b: string; readonly score: number }[];
}

/** Each person counts once, however many pictures there are: else a few celebrities would decide. */
export interface PersonAveragedRate {
  readonly falseMatchRate: number;
  readonly threshold: number;
  readonly trueMatchRate: number;
  /** 95 %, from 1,000 draws of as many people with replacement. */
  readonly low: number;
  readonly high: number;
  readonly falseMatches: number;
}

const BINS = 40_000;
const MOST_ALIKE = 5;

/** Compares every face with every other. */
export function compareAll(faces: readonly PersonFace[], falseMatchRates: readonly number[]): AllPairsResult {
  const strangers = new Uint32Array(BINS + 1);
  const genuine = new Map<string, number[]>();
  const alike: { a: string; b: string; score: number }[] = [];
  using progress = createProgress({ label: 'comparing', total: faces.length });
  let strangerPairs = 0;
  for (const [index, face] of faces.entries()) {
    for (const other of faces.slice(0, index)) {
      const score = cosine(face.embedding, other.embedding);
      if (face.person === other.person) {
        const scores = genuine.get(face.person);
        if (scores === undefined) genuine.set(face.person, [score]);
        else scores.push(score);
        continue;
      }
      strangerPairs++;
      strangers[binOf(score)]!++;
      if (score > (alike.at(-1)?.score ?? -1) || alike.length < MOST_ALIKE) {
        alike.push({ a: face.path, b: other.path, score });
        alike.sort((a, b) => b.score - a.score).splice(MOST_ALIKE);
      }
    }
    progress.advance();
  }
  const people = [...genuine.values()];
  return {
    strangerPairs,
    genuinePairs: people.reduce((sum, scores) => sum + scores.length, 0),
    people: people.length,
    rates: falseMatchRates.map((rate) => personAveraged(people, strangers, strangerPairs, rate)),
    mostAlike: alike,
  };
}

function personAveraged(
  people: readonly number[][],
  strangers: Uint32Array,
  strangerPairs: number,
  falseMatchRate: number,
): PersonAveragedRate {
  let bin = BINS;
  let passed = 0;
  while (bin >= 0 && passed + strangers[bin]! <= falseMatchRate * strangerPairs) passed += strangers[bin--]!;
  const threshold = ((bin + 0.5) / BINS) * 2 - 1;
  const shares = people.map((scores) => scores.filter((score) => score >= threshold).length / scores.length);
  return {
    falseMatchRate,
    threshold,
    trueMatchRate: mean(shares),
    ...interval(shares),
    falseMatches: passed,
  };
}

function interval(shares: readonly number[]): { low: number; high: number } {
  const random = seededRandom(1);
  const draws = Array.from({ length: 1000 }, () =>
    mean(shares.map(() => shares[Math.floor(random() * shares.length)]!)),
  ).sort((a, b) => a - b);
  return { low: draws[25] ?? 0, high: draws[974] ?? 1 };
}

/** Two runs on the same faces print the same figures. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function binOf(score: number): number {
  return Math.round(((Math.min(1, Math.max(-1, score)) + 1) / 2) * BINS);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
