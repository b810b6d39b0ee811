import { FacefleetError } from '../../errors.ts';
import { type Bound, costBound } from './bound.ts';
import type { Moment } from './plant.ts';
import { RULES } from './rules.ts';
import type { Score } from './score.ts';
import { type Run, runPolicy, runRule, type Scenario, type Trial, tuneRule } from './simulation.ts';

export interface Row {
  readonly name: string;
  /** Absent for the policy, which has none but the deployment's. */
  readonly settings?: string;
  /** Of a rule that was tuned: all settings that were tried. */
  readonly trials?: readonly Trial[];
  readonly score: Score;
  /** Of its cost and the bound's; undefined when there is no bound. */
  readonly ratio: number | undefined;
  readonly history: readonly Moment[];
}

export interface Comparison {
  readonly bound: Bound;
  /** The same for somebody who cannot launch before the first arrival. */
  readonly causal: Bound;
  readonly rows: readonly Row[];
}

/** Whatever `compare` knows: `slo`, and each rule as `name` (its documented defaults) and `name:tuned`. */
export const POLICY_NAMES: readonly string[] = [
  'slo',
  ...RULES.flatMap(({ name }) => [name, `${name}:tuned`]),
];

/** Plays the scenario to each of these, and finds what it costs at least. @throws FacefleetError `bad-request` for a name that is none. */
export async function compare(scenario: Scenario, names: readonly string[]): Promise<Comparison> {
  const unknown = names.filter((name) => !POLICY_NAMES.includes(name));
  if (unknown.length > 0) {
    throw new FacefleetError(
      'bad-request',
      `no policy is called ${unknown.join(' or ')}, expected some of ${POLICY_NAMES.join(', ')}`,
    );
  }
  const bound = await costBound(scenario);
  const causal = await costBound({ ...scenario, isCausal: true });
  const rows: Row[] = [];
  for (const name of names) {
    const played = await play(scenario, name);
    const ratio = bound.costSeconds === undefined ? undefined : played.score.costSeconds / bound.costSeconds;
    rows.push({ name, ...played, ratio });
  }
  return { bound, causal, rows };
}

async function play(scenario: Scenario, name: string): Promise<Run & Pick<Row, 'settings' | 'trials'>> {
  if (name === 'slo') return runPolicy(scenario);
  const [ruleName, variant] = name.split(':');
  const rule = RULES.find((one) => one.name === ruleName)!;
  if (variant === 'tuned') return tuneRule(scenario, rule, scenario);
  const candidate = rule.defaults(scenario);
  return { ...(await runRule(scenario, candidate)), settings: candidate.settings };
}
