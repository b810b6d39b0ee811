import type { Comparison, Row } from '../../src/scaling/simulator/comparison.ts';
import { RULES } from '../../src/scaling/simulator/rules.ts';
import type { Score } from '../../src/scaling/simulator/score.ts';
import type { TaskResult } from './task.ts';

type Compared = Extract<TaskResult, { kind: 'comparison' }>;

/** What a policy came to over all traces. */
export interface Standing {
  /** Geometric mean over the traces of its cost over the bound; undefined when no trace has a bound. */
  readonly ratio: number | undefined;
  /** Jobs. */
  readonly late: number;
  /** Jobs, on traces on which somebody who cannot foresee the first arrival would have none late. */
  readonly avoidablyLate: number;
  /** With the first seed. */
  readonly actions: number;
  readonly settings?: string;
}

/** The answers to everything that is asked of the runs. */
export class Results {
  /** In the order of the tasks. */
  readonly traces: readonly string[];
  readonly #compared: readonly Compared[];

  constructor(results: readonly TaskResult[], names: readonly string[]) {
    this.#compared = results.filter((result) => result.kind === 'comparison');
    this.traces = [...new Set(names)].filter((name) => this.of(name).length > 0);
  }

  /** One for each seed, the first one first. */
  of(trace: string): Comparison[] {
    return this.#compared
      .filter(({ task }) => task.name === trace)
      .sort((one, other) => one.task.seed - other.task.seed)
      .map(({ comparison }) => comparison);
  }

  rows(trace: string, policy: string): Row[] {
    return this.of(trace).flatMap(({ rows }) => rows.filter(({ name }) => name === policy));
  }

  standing(policy: string, among = this.traces): Standing {
    const played = among.map((trace) => ({
      ratio: geometricMean(this.rows(trace, policy).map(({ ratio }) => ratio)),
      scores: this.#scored(trace, (rows) => rows.filter(({ name }) => name === policy)),
    }));
    return standingOf(played);
  }

  /**
   * Of a rule with one setting for all traces, as anybody has to run it who does not know what will come: the one with
   * the fewest avoidably late jobs, and of these the cheapest.
   */
  tunedOnce(rule: string): Standing | undefined {
    const trialsOf = ({ rows }: Comparison) =>
      rows.find(({ name }) => name === `${rule}:tuned`)?.trials ?? [];
    const first = this.traces.map((trace) => ({ trace, comparison: this.of(trace)[0]! }));
    const settings = first.length === 0 ? [] : trialsOf(first[0]!.comparison).map((trial) => trial.settings);
    const standings = [...new Set(settings)].map((text) => {
      const played = first.map(({ comparison }) => {
        const { score } = trialsOf(comparison).find((trial) => trial.settings === text)!;
        const least = comparison.bound.costSeconds;
        const ratio = least === undefined ? undefined : score.costSeconds / least;
        return { ratio, scores: [{ score, isAvoidable: comparison.causal.violations === 0 }] };
      });
      return { ...standingOf(played), settings: text };
    });
    return standings.sort(
      (one, other) => one.avoidablyLate - other.avoidablyLate || (one.ratio ?? 0) - (other.ratio ?? 0),
    )[0];
  }

  #scored(trace: string, pick: (rows: readonly Row[]) => readonly Row[]): Scored[] {
    return this.of(trace).flatMap(({ rows, causal }) =>
      pick(rows).map(({ score }) => ({ score, isAvoidable: causal.violations === 0 })),
    );
  }
}

interface Scored {
  readonly score: Score;
  readonly isAvoidable: boolean;
}

function standingOf(
  played: readonly { readonly ratio: number | undefined; readonly scores: readonly Scored[] }[],
): Standing {
  const all = played.flatMap(({ scores }) => scores);
  const late = (of: readonly Scored[]) => of.reduce((sum, { score }) => sum + score.violations, 0);
  return {
    ratio: geometricMean(played.map(({ ratio }) => ratio)),
    late: late(all),
    avoidablyLate: late(all.filter(({ isAvoidable }) => isAvoidable)),
    actions: played.reduce((sum, { scores }) => sum + (scores[0]?.score.actions ?? 0), 0),
  };
}

/** Of those that there are; undefined of none. */
export function geometricMean(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  if (known.length === 0) return undefined;
  return Math.exp(known.reduce((sum, value) => sum + Math.log(value), 0) / known.length);
}

export const RULE_NAMES: readonly string[] = RULES.map(({ name }) => name);
