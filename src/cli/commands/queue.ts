import type { Command } from 'commander';
import { connect } from '../../compose.ts';
import type { Deployment } from '../../deployment.ts';
import { type DeadJob, type DeadLetterReport, DeadLetters, type Selection } from '../../jobs/dead-letters.ts';
import { configOf, DEPLOYMENT_SETTINGS, examples, type Verb, withSettings } from '../command.ts';
import { json, printable, table } from '../output.ts';

interface Options {
  readonly json?: boolean;
  readonly all?: boolean;
}

const verb: Verb = {
  define(command) {
    define(command.command('depths', { isDefault: true }), 'show how many messages each queue holds', depths);
    define(command.command('dead'), 'list the dead letters: jobs that were given up', dead);
    define(
      command.command('redrive [job-id...]').option('--all', 'every dead letter'),
      'send jobs among the dead letters to the workers again; a new result replaces the error',
      (jobIds: string[], options: Options, self: Command) =>
        handle(jobIds, options, self, (letters, selection) => letters.redrive(selection)),
    );
    define(
      command.command('drop [job-id...]').option('--all', 'every dead letter'),
      'forget dead letters; the error results of their jobs stay',
      (jobIds: string[], options: Options, self: Command) =>
        handle(jobIds, options, self, (letters, selection) => letters.drop(selection)),
    );
    examples(command, [
      ['facefleet queue', 'what waits where'],
      ['facefleet queue dead', 'which jobs were given up, and why'],
      ['facefleet queue redrive 0192f0c1-…', 'try one of them again'],
      ['facefleet queue drop --all', 'forget them all'],
      ['facefleet queue --json | jq ".[].visible"', 'for a program to read'],
    ]);
    command.addHelpText(
      'after',
      '\nNeeds the broker: `facefleet up` or `facefleet broker`.\nExits with 0 done, 1 failed or a job id was not among the dead letters, 2 called wrongly.',
    );
  },
};
export default verb;

function define(command: Command, summary: string, action: (...words: never[]) => Promise<void>): void {
  withSettings(command.summary(summary).description(summary), [...DEPLOYMENT_SETTINGS])
    .option('--json', 'as JSON')
    .action(action as (...words: unknown[]) => Promise<void>);
}

async function depths(options: Options, self: Command): Promise<void> {
  await using deployment = await connectTo(self);
  const { queues } = deployment;
  const names = (await queues.list(`${deployment.loaded.config.prefix}-`)).map(({ name }) => name);
  const rows = await Promise.all(names.map(async (name) => ({ name, ...(await queues.open(name).depth()) })));
  const cells = rows.map(({ name, visible, inFlight, delayed, oldestAgeSeconds }) => [
    name,
    String(visible),
    String(inFlight),
    String(delayed),
    oldestAgeSeconds === undefined ? '' : `${oldestAgeSeconds.toFixed(1)} s`,
  ]);
  process.stdout.write(
    options.json ? json(rows) : table(cells, ['QUEUE', 'VISIBLE', 'IN FLIGHT', 'DELAYED', 'OLDEST']),
  );
}

async function dead(options: Options, self: Command): Promise<void> {
  await using deployment = await connectTo(self);
  const { jobs, hidden } = await lettersOf(deployment).list();
  process.stdout.write(options.json ? json(jobs) : table(jobs.map(jobRow), JOB_HEADINGS));
  if (hidden > 0)
    process.stderr.write(`${hidden} more are being looked at right now; ask again in a minute\n`);
}

/** Exits with 1 when a job that was named is not among the letters, or could not be dealt with. */
async function handle(
  jobIds: readonly string[],
  options: Options,
  self: Command,
  deal: (letters: DeadLetters, selection: Selection) => Promise<DeadLetterReport>,
): Promise<void> {
  if ((options.all === true) === jobIds.length > 0) {
    self.error(`error: expected job ids or --all, got ${options.all ? 'both' : 'neither'}`);
  }
  await using deployment = await connectTo(self);
  const report = await deal(lettersOf(deployment), options.all ? 'all' : new Set(jobIds));
  process.stdout.write(options.json ? json(report) : table(report.done.map(jobRow), JOB_HEADINGS));
  for (const { jobId } of report.impossible) {
    process.stderr.write(
      `${jobId ?? 'an unreadable message'} stays: its picture is gone, or was never known\n`,
    );
  }
  for (const jobId of report.missing)
    process.stderr.write(`${printable(jobId)} is not among the dead letters\n`);
  if (report.impossible.length + report.missing.length > 0) process.exitCode = 1;
}

function connectTo(command: Command): Promise<Deployment> {
  return connect(configOf(command), { component: 'queue', waitSeconds: 2 });
}

function lettersOf(deployment: Deployment): DeadLetters {
  const { input, output, state, queues } = deployment;
  return new DeadLetters({ input, output, state, queues, prefix: deployment.loaded.config.prefix });
}

const JOB_HEADINGS = ['JOB', 'DIED AT', 'FILE', 'WHY'];

function jobRow({ jobId, fileName, reason, diedAt }: DeadJob): string[] {
  return [jobId ?? '(unreadable)', diedAt.toISOString(), printable(fileName ?? ''), printable(reason)];
}
