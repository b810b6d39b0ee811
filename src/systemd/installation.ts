import { FacefleetError } from '../errors.ts';
import type { Machine } from './machine.ts';
import { EXCLUDES, type Layout, renderUnit, templateFile, UNITS, type UnitWord } from './units.ts';

const UNIT_FOLDER = '/etc/systemd/system';
const SETTINGS_FILE = '/etc/facefleet/facefleet.env';
const ACCOUNT_FILE = '/etc/sysusers.d/facefleet.conf';
const POWER_OFF_FILE = `${UNIT_FOLDER}/${UNITS.worker}.d/power-off.conf`;
const DATA_FOLDER = '/var/lib/facefleet';
const ACCOUNT = 'facefleet';
/** Hidden from the services, or not the same folder for them (`ProtectHome=`, `PrivateTmp=`). */
const HIDDEN = ['/home/', '/root/', '/run/user/', '/tmp/', '/var/tmp/'];

export type Step =
  | {
      readonly do: 'write';
      readonly path: string;
      readonly content: string;
      readonly mode: number;
      readonly why: string;
    }
  | { readonly do: 'remove'; readonly path: string; readonly why: string }
  | { readonly do: 'run'; readonly command: readonly [string, ...string[]]; readonly why: string };

export interface InstallRequest {
  readonly units: readonly UnitWord[];
  readonly layout: Layout;
  /** The machine terminates when it powers itself off: let a worker that nobody needs do so. */
  readonly powerOff: boolean;
  /** False: installed and enabled, to be started at the next boot. */
  readonly start: boolean;
}

/**
 * What has to be done so that the units are installed and run; empty when all is as it should be. Nothing is done yet.
 *
 * @throws FacefleetError `bad-request` (units that exclude each other, a folder that services cannot see).
 */
export async function planInstall(machine: Machine, request: InstallRequest): Promise<Step[]> {
  checkRequest(machine, request);
  const files = filesOf(machine, request);
  const changed = files.filter(({ path, content }) => machine.read(path) !== content);
  const steps: Step[] = changed.map((file) => ({ do: 'write', ...file }));
  if (!(await hasAccount(machine))) {
    steps.push(run(['systemd-sysusers', ACCOUNT_FILE], `create the account ${ACCOUNT}`));
  }
  for (const unit of otherOwners(request.units)) {
    if (machine.read(unitPath(unit)) === undefined) continue;
    steps.push(
      run(['systemctl', 'disable', '--now', UNITS[unit]], `it excludes ${request.units.join(', ')}`),
    );
  }
  const touched = changed.filter(({ path }) => path.startsWith(UNIT_FOLDER));
  if (touched.length > 0) steps.push(run(['systemctl', 'daemon-reload'], 'let systemd read the unit files'));
  for (const unit of request.units) {
    const { UnitFileState: enabled, ActiveState: active } = await properties(machine, UNITS[unit]);
    if (enabled !== 'enabled')
      steps.push(run(['systemctl', 'enable', UNITS[unit]], 'start it at every boot'));
    if (!request.start) continue;
    const isNew = touched.some(({ path }) => path.includes(UNITS[unit]));
    if (active !== 'active')
      steps.push(run(['systemctl', 'start', UNITS[unit]], 'start it, until it is ready'));
    else if (isNew) steps.push(run(['systemctl', 'restart', UNITS[unit]], 'its unit file is new'));
  }
  return steps;
}

/**
 * What has to be done so that none of our units is left. Settings, data and account stay unless `deleteData`.
 */
export async function planUninstall(machine: Machine, options: { deleteData: boolean }): Promise<Step[]> {
  const installed = installedUnits(machine);
  const steps: Step[] = [];
  for (const unit of installed.toReversed()) {
    steps.push(run(['systemctl', 'disable', '--now', UNITS[unit]], 'stop it, and not again at boot'));
    steps.push({ do: 'remove', path: unitPath(unit), why: 'unit file' });
  }
  if (machine.read(POWER_OFF_FILE) !== undefined) {
    steps.push({ do: 'remove', path: POWER_OFF_FILE, why: 'drop-in of the worker' });
  }
  if (installed.length > 0) steps.push(run(['systemctl', 'daemon-reload'], 'let systemd forget them'));
  if (!options.deleteData) return steps;
  for (const [path, why] of [
    [SETTINGS_FILE, 'settings'],
    [ACCOUNT_FILE, 'account'],
    [DATA_FOLDER, 'everybody who is enrolled, pictures, results, models'],
  ] as const) {
    steps.push({ do: 'remove', path, why });
  }
  if (await hasAccount(machine)) {
    steps.push(run(['userdel', ACCOUNT], `remove the account ${ACCOUNT}`));
  }
  return steps;
}

export interface UnitStatus {
  readonly unit: string;
  readonly enabled: string;
  readonly active: string;
  readonly status: string;
  readonly pid: number | undefined;
  readonly restarts: number;
  readonly memoryBytes: number | undefined;
}

/** Of the units that are installed. */
export async function readStatus(machine: Machine): Promise<UnitStatus[]> {
  checkSystemd(machine);
  const units = installedUnits(machine).map((unit) => UNITS[unit]);
  return Promise.all(
    units.map(async (unit) => {
      const found = await properties(machine, unit);
      const { ActiveState: active = 'unknown', SubState: sub = '', Result: result = '' } = found;
      return {
        unit,
        enabled: found.UnitFileState ?? 'unknown',
        active: sub === '' || sub === 'running' ? active : `${active} (${sub})`,
        status: result === '' || result === 'success' ? (found.StatusText ?? '') : `ended: ${result}`,
        pid: Number(found.MainPID) || undefined,
        restarts: Number(found.NRestarts) || 0,
        memoryBytes: /^\d{1,15}$/.test(found.MemoryCurrent ?? '') ? Number(found.MemoryCurrent) : undefined,
      };
    }),
  );
}

/**
 * Does one step.
 *
 * @throws FacefleetError `unavailable` with what the program said
 */
export async function carryOut(machine: Machine, step: Step): Promise<void> {
  if (step.do === 'write') return machine.write(step.path, step.content, step.mode);
  if (step.do === 'remove') return machine.remove(step.path);
  const [program, ...args] = step.command;
  const { code, stderr } = await machine.run(program, args);
  if (code === 0) return;
  const unit = args.at(-1);
  const advice = program === 'systemctl' && unit?.endsWith('.service') ? `; see journalctl -eu ${unit}` : '';
  throw new FacefleetError(
    'unavailable',
    `\`${step.command.join(' ')}\` ended with ${code}: ${stderr.trim()}${advice}`,
  );
}

/**
 * Whether services can be installed on it.
 *
 * @throws FacefleetError `unavailable` (no systemd), `permission-denied` (not root).
 */
export function checkMachine(machine: Machine): void {
  checkSystemd(machine);
  if (!machine.isSuperuser) {
    throw new FacefleetError(
      'permission-denied',
      'installing services needs root: run it with sudo, or with --dry-run to see what it would do',
    );
  }
}

function checkSystemd(machine: Machine): void {
  if (machine.isLinux && machine.isBooted) {
    if (machine.hasProgram('systemd-notify')) return;
    throw new FacefleetError(
      'unavailable',
      'the program systemd-notify is missing: install the package systemd',
    );
  }
  throw new FacefleetError(
    'unavailable',
    'this machine was not booted with systemd (there is no /run/systemd/system): run `facefleet up` instead',
  );
}

function checkRequest(machine: Machine, { units, layout }: InstallRequest): void {
  for (const unit of units) {
    const other = units.find((one) => EXCLUDES[unit].includes(one));
    if (other !== undefined) {
      throw new FacefleetError(
        'bad-request',
        `${unit} and ${other} exclude each other: up is all of them in one`,
      );
    }
  }
  const paths = [`${layout.root}/bin/facefleet.js`, layout.node];
  const hidden = paths.find((path) => HIDDEN.some((folder) => path.startsWith(folder)));
  if (hidden !== undefined) {
    throw new FacefleetError(
      'bad-request',
      `${hidden} lies in a folder that services do not see: copy the program to /opt/facefleet and install from there`,
    );
  }
  const closed = paths.find((path) => !machine.isOpenToAll(path));
  if (closed !== undefined) {
    throw new FacefleetError(
      'bad-request',
      `${closed} cannot be read by the account ${ACCOUNT}: it, or a folder above it, is closed to others (chmod o+rX)`,
    );
  }
}

interface File {
  readonly path: string;
  readonly content: string;
  readonly mode: number;
  readonly why: string;
}

function filesOf(machine: Machine, { units, layout, powerOff }: InstallRequest): File[] {
  const files: File[] = [
    { path: ACCOUNT_FILE, content: templateFile('facefleet.sysusers.conf'), mode: 0o644, why: 'account' },
    ...units.map((unit) => ({
      path: unitPath(unit),
      content: renderUnit(unit, layout),
      mode: 0o644,
      why: 'unit file',
    })),
  ];
  if (powerOff && units.includes('worker')) {
    const content = templateFile('ec2/power-off.conf');
    files.push({
      path: POWER_OFF_FILE,
      content,
      mode: 0o644,
      why: 'power the machine off when nobody needs it',
    });
  }
  // Whatever somebody wrote into their settings stays; keys are in it, so it is root's alone.
  if (machine.read(SETTINGS_FILE) === undefined) {
    files.push({ path: SETTINGS_FILE, content: templateFile('facefleet.env'), mode: 0o600, why: 'settings' });
  }
  return files;
}

async function hasAccount(machine: Machine): Promise<boolean> {
  return (await machine.run('id', ['-u', ACCOUNT])).code === 0;
}

function otherOwners(units: readonly UnitWord[]): readonly UnitWord[] {
  return [...new Set(units.flatMap((unit) => EXCLUDES[unit]))];
}

function installedUnits(machine: Machine): UnitWord[] {
  return (Object.keys(UNITS) as UnitWord[]).filter((unit) => machine.read(unitPath(unit)) !== undefined);
}

function unitPath(unit: UnitWord): string {
  return `${UNIT_FOLDER}/${UNITS[unit]}`;
}

async function properties(machine: Machine, unit: string): Promise<Record<string, string>> {
  const { stdout } = await machine.run('systemctl', ['show', unit]);
  return Object.fromEntries(
    stdout.split('\n').map((line) => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}

function run(command: readonly [string, ...string[]], why: string): Step {
  return { do: 'run', command, why };
}
