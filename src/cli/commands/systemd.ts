import { dirname } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { launcherPath } from '../../compose.ts';
import {
  carryOut,
  checkMachine,
  planInstall,
  planUninstall,
  readStatus,
  type Step,
} from '../../systemd/installation.ts';
import { type Machine, thisMachine } from '../../systemd/machine.ts';
import { UNITS, type UnitWord } from '../../systemd/units.ts';
import { examples, type Verb } from '../command.ts';
import { json, printable, table } from '../output.ts';

const MEBI = 1024 * 1024;

const verb: Verb = {
  define(command) {
    command
      .command('install')
      .description('install, enable and start services on this machine; again, it changes only what differs')
      .argument('[units...]', `which: ${Object.keys(UNITS).join(', ')}`, collectUnit)
      .option('--dry-run', 'only say what would be done')
      .option('--no-start', 'enable them for the next boot, but do not start them')
      .option('--power-off', 'a worker that nobody needs powers the machine off (for EC2)')
      .action((units: UnitWord[], options: InstallOptions) =>
        install(units.length === 0 ? ['up'] : units, options),
      );
    command
      .command('uninstall')
      .description('stop the services and remove their unit files; data and settings stay')
      .option('--dry-run', 'only say what would be done')
      .option('--delete-data', 'remove people, pictures, results, settings and the account too')
      .action((options: UninstallOptions) => uninstall(options));
    command
      .command('status')
      .description('show what is installed and how it fares')
      .option('--json', 'as JSON')
      .action((options: { json?: boolean }) => showStatus(options));
    examples(command, [
      ['sudo facefleet systemd install', 'everything on this machine as one service'],
      ['sudo facefleet systemd install broker controller web', 'one service a tier'],
      ['facefleet systemd install --dry-run', 'see what it would do'],
      ['facefleet systemd status', 'which run, since when, how often restarted'],
      ['journalctl -u facefleet -o cat | npx pino-pretty', 'the log, one JSON object a line'],
    ]);
    command.addHelpText(
      'after',
      '\nStatus exits with 0 all of them run, 1 one does not, 2 called wrongly. Settings: /etc/facefleet/facefleet.env',
    );
  },
};
export default verb;

interface InstallOptions {
  readonly dryRun?: boolean;
  readonly start: boolean;
  readonly powerOff?: boolean;
}

interface UninstallOptions {
  readonly dryRun?: boolean;
  readonly deleteData?: boolean;
}

async function install(
  units: readonly UnitWord[],
  { dryRun, start, powerOff }: InstallOptions,
): Promise<void> {
  const machine = thisMachine();
  if (dryRun !== true) checkMachine(machine);
  const layout = { root: dirname(dirname(launcherPath())), node: process.execPath };
  const steps = await planInstall(machine, { units, layout, powerOff: powerOff === true, start });
  await follow(machine, steps, dryRun);
}

async function uninstall({ dryRun, deleteData }: UninstallOptions): Promise<void> {
  const machine = thisMachine();
  if (dryRun !== true) checkMachine(machine);
  await follow(machine, await planUninstall(machine, { deleteData: deleteData === true }), dryRun);
}

async function follow(machine: Machine, steps: readonly Step[], isDryRun = false): Promise<void> {
  if (steps.length === 0) process.stdout.write('nothing to do\n');
  for (const step of steps) {
    const what = step.do === 'run' ? step.command.join(' ') : `${step.do} ${step.path}`;
    process.stdout.write(
      `${isDryRun ? 'would ' : ''}${step.do === 'run' ? 'run ' : ''}${what}  (${step.why})\n`,
    );
    if (!isDryRun) await carryOut(machine, step);
  }
}

async function showStatus(options: { json?: boolean }): Promise<void> {
  const units = await readStatus(thisMachine());
  if (units.some(({ active }) => active !== 'active')) process.exitCode = 1;
  if (options.json) {
    process.stdout.write(json(units));
  } else if (units.length === 0) {
    process.stdout.write('no Facefleet service is installed; `facefleet systemd install` installs one\n');
  } else {
    const rows = units.map((unit) => [
      unit.unit,
      unit.enabled,
      unit.active,
      String(unit.pid ?? ''),
      String(unit.restarts),
      unit.memoryBytes === undefined ? '' : `${Math.round(unit.memoryBytes / MEBI)} MB`,
      printable(unit.status),
    ]);
    process.stdout.write(table(rows, ['UNIT', 'ENABLED', 'STATE', 'PID', 'RESTARTS', 'MEMORY', 'STATUS']));
  }
}

function collectUnit(word: string, before: UnitWord[] = []): UnitWord[] {
  if (!(word in UNITS)) throw new InvalidArgumentError(`there are ${Object.keys(UNITS).join(', ')}.`);
  return [...new Set([...before, word as UnitWord])];
}
