import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BAD_DAY } from './cloud.ts';
import { compare, POLICY_NAMES } from './comparison.ts';
import { RULES } from './rules.ts';
import { CANONICAL_SCENARIO, LOCAL_SCENARIO, runPolicy, runRule, type Scenario } from './simulation.ts';
import { parseTrace } from './trace-file.ts';
import { CANONICAL_NAMES, makeWorkload, OTHER_NAMES } from './workloads.ts';

const scenario = (name: string, parts: Partial<Scenario> = {}): Scenario => ({
  ...CANONICAL_SCENARIO,
  arrivals: makeWorkload(name, 1).arrivals,
  seed: 1,
  ...parts,
});

describe('workloads', () => {
  for (const name of [...CANONICAL_NAMES, ...OTHER_NAMES]) {
    it(`${name}: ascending, and the same for the same seed`, () => {
      const { arrivals } = makeWorkload(name, 3);
      assert.ok(arrivals.length >= 20);
      assert.ok(arrivals.every((at, index) => at >= 0 && at >= (arrivals[index - 1] ?? 0)));
      assert.deepEqual(makeWorkload(name, 3).arrivals, arrivals);
      assert.notDeepEqual(makeWorkload(name, 4).arrivals, arrivals);
    });
  }

  it('are read from files, from their first arrival on', () => {
    assert.deepEqual(parseTrace('arrival_seconds\n7.5\n5,x\n\n# none\n9\n', 'a.csv'), [0, 2.5, 4]);
    assert.throws(() => parseTrace('1\nnonsense\n', 'a.csv'), { code: 'bad-request' });
    assert.throws(() => parseTrace('arrival_seconds\n', 'a.csv'), { code: 'bad-request' });
  });
});

describe('the controller in the simulator', () => {
  it('works off a burst in time with as few as that takes, and ends them', async () => {
    const { score, history } = await runPolicy(scenario('burst of 50'));
    assert.equal(score.violations, 0);
    assert.equal(score.peak, 2);
    assert.equal(score.actions, 4);
    assert.ok(score.costSeconds >= 120 && score.costSeconds < 140, `${score.costSeconds}`);
    assert.equal(history.at(-1)?.up, 0);
  });

  it('does the same again', async () => {
    const [one, other] = [await runPolicy(scenario('sparse')), await runPolicy(scenario('sparse'))];
    assert.deepEqual(one, other);
  });

  it('keeps the target and costs little more than the least on what is steady', async () => {
    const { rows, causal } = await compare(scenario('flash crowd'), ['slo']);
    assert.equal(causal.violations, 0);
    assert.equal(rows[0]?.score.violations, 0);
    assert.ok(rows[0]!.ratio! > 0.999 && rows[0]!.ratio! < 1.1, `${rows[0]?.ratio}`);
  });

  it('is never late with what falls silent, however fast a large fleet shrinks then', async () => {
    for (const seed of [3, 22]) {
      const { score } = await runPolicy({
        ...CANONICAL_SCENARIO,
        ...makeWorkload('random rates', seed),
        seed,
      });
      assert.equal(score.violations, 0, `seed ${seed}`);
    }
  });

  it('does all jobs though it dies every few minutes, calls fail, counts lie and machines are taken away', async () => {
    const parts = { faults: BAD_DAY, deathsEverySeconds: 200, spotLifeSeconds: 400, bootSpread: 0.2 };
    const { score } = await runPolicy(scenario('on/off', parts));
    assert.ok(Number.isFinite(score.maxSeconds), 'none is lost');
    assert.ok(score.violations < score.jobs / 10, `${score.violations} late`);
  });

  for (const name of ['on/off', 'burst of 1000', 'sparse', 'two-state bursts']) {
    it(`costs no more than the course rule where nothing is paid for but time: ${name}`, async () => {
      const here = scenario(name, LOCAL_SCENARIO);
      const first = { ...here, arrivals: here.arrivals.filter((at) => at < 600) };
      const [ours, theirs] = [await runPolicy(first), await runPolicy(first, 'course')];
      // Of a burst that all the fleet is busy with both make the same, but for the first moments.
      assert.ok(
        ours.score.costSeconds <= 1.01 * theirs.score.costSeconds,
        `${ours.score.costSeconds}, ${theirs.score.costSeconds}`,
      );
    });
  }
});

describe('rules of other systems', () => {
  const at = (name: string, parts: Partial<Scenario> = {}) => {
    const here = scenario('on/off', parts);
    return runRule(here, RULES.find((rule) => rule.name === name)!.defaults(here));
  };

  for (const { name } of RULES) {
    it(`${name} does the work`, async () => {
      const { score } = await at(name);
      assert.ok(Number.isFinite(score.maxSeconds));
      assert.ok(score.peak <= CANONICAL_SCENARIO.maxInstances);
    });
  }

  it('are no cheaper than the bound when they keep the target', async () => {
    const { rows } = await compare(scenario('on/off'), ['course', 'knative']);
    for (const { score, ratio } of rows) if (score.violations === 0) assert.ok(ratio! >= 1);
  });

  it('are known by name', async () => {
    assert.ok(POLICY_NAMES.includes('keda:tuned'));
    await assert.rejects(compare(scenario('sparse'), ['nonsense']), { code: 'bad-request' });
  });
});
