import { writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { compare, POLICY_NAMES } from '../../scaling/simulator/comparison.ts';
import { htmlReport, REPORT_COLUMNS, type Report, reportRows } from '../../scaling/simulator/report.ts';
import { CANONICAL_SCENARIO, type Scenario } from '../../scaling/simulator/simulation.ts';
import { readTrace } from '../../scaling/simulator/trace-file.ts';
import { CANONICAL_NAMES, makeWorkload, OTHER_NAMES } from '../../scaling/simulator/workloads.ts';
import { examples, type Verb } from '../command.ts';
import { json, table } from '../output.ts';

interface Options {
  readonly trace?: string;
  readonly workload: string;
  readonly seed: number;
  readonly policy: string[];
  readonly slo: number;
  readonly service: number;
  readonly boot: number;
  readonly bootSpread: number;
  readonly concurrency: number;
  readonly billingMinimum: number;
  readonly max: number;
  readonly price: number;
  readonly html?: string;
  readonly json?: boolean;
}

const { sloSeconds, serviceSeconds, bootSeconds, billingMinimumSeconds, maxInstances } = CANONICAL_SCENARIO;
/** Of a c6i.large on demand in us-east-1, for an idea. */
const DOLLARS_PER_HOUR = 0.085;

const verb: Verb = {
  define(command) {
    command
      .option('--trace <file>', 'arrivals: a number of seconds on each line, or first in each line of a CSV')
      .option(
        '--workload <name>',
        `made-up arrivals: ${[...CANONICAL_NAMES, ...OTHER_NAMES].join(', ')}`,
        'on/off',
      )
      .option('--seed <n>', 'of made-up arrivals and of all chance', atLeast(0), 1)
      .option('--policy <names>', `comma-separated: ${POLICY_NAMES.join(', ')}`, words, ['slo'])
      .option('--slo <seconds>', 'latency target', above(0), sloSeconds)
      .option('--service <seconds>', 'work a job takes', above(0), serviceSeconds)
      .option('--boot <seconds>', 'until an instance works', above(0), bootSeconds)
      .option('--boot-spread <x>', 'standard deviation of the logarithm of boot times', atLeast(0), 0)
      .option('--concurrency <n>', 'jobs at once per instance', above(0), 1)
      .option(
        '--billing-minimum <seconds>',
        'an instance is paid for at least so long',
        atLeast(0),
        billingMinimumSeconds,
      )
      .option('--max <n>', 'most instances', above(0), maxInstances)
      .option('--price <dollars>', 'of an instance-hour', atLeast(0), DOLLARS_PER_HOUR)
      .option('--html <file>', 'write a report with charts')
      .option('--json', 'as JSON')
      .action(simulate);
    examples(command, [
      ['facefleet simulate --workload "flash crowd" --policy slo,course,keda:tuned', 'side by side'],
      [
        'facefleet simulate --trace arrivals.csv --slo 120 --html report.html',
        'your own arrivals, with charts',
      ],
    ]);
    command.addHelpText(
      'after',
      '\n`name` is a rule with its documented defaults, `name:tuned` the same tuned on this very trace.\nExits with 0 done, 1 failed, 2 called wrongly.',
    );
  },
};
export default verb;

async function simulate(options: Options): Promise<void> {
  const { trace, workload, seed } = options;
  const arrivals = trace === undefined ? makeWorkload(workload, seed).arrivals : await readTrace(trace);
  const scenario: Scenario = {
    ...CANONICAL_SCENARIO,
    arrivals,
    seed,
    sloSeconds: options.slo,
    serviceSeconds: options.service,
    bootSeconds: options.boot,
    bootSpread: options.bootSpread,
    concurrency: options.concurrency,
    billingMinimumSeconds: options.billingMinimum,
    maxInstances: options.max,
  };
  const comparison = await compare(scenario, options.policy);
  const name = trace === undefined ? `${workload}, seed ${seed}` : basename(trace);
  const report: Report = {
    title: `Scaling ${name}`,
    scenario,
    comparison,
    dollarsPerHour: options.price,
  };
  if (options.html !== undefined) await writeFile(options.html, htmlReport(report));
  const rows = comparison.rows.map(({ history: _, trials: _tried, ...row }) => row);
  process.stdout.write(
    options.json ? json({ ...comparison, rows }) : table(reportRows(report), REPORT_COLUMNS),
  );
}

function words(text: string): string[] {
  return text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}

const numeric = (isGood: (value: number) => boolean, expected: string) => (text: string) => {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || !isGood(value)) {
    throw new InvalidArgumentError(`Expected a number ${expected}.`);
  }
  return value;
};
const above = (least: number) => numeric((value) => value > least, `above ${least}`);
const atLeast = (least: number) => numeric((value) => value >= least, `from ${least} up`);
