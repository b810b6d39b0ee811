import type { Command } from 'commander';

import { ApiKeyStore } from '../../access/key-store.ts';
import { systemClock } from '../../adapters/local/system-clock.ts';
import { connect, needsBroker, openCloudAccount } from '../../compose.ts';
import { fleetKind, type LoadedConfig, SETTINGS } from '../../config.ts';
import { checkCloud } from '../../doctor/cloud-checks.ts';
import { examine, type Finding, ok, warn } from '../../doctor/finding.ts';
import { checkMachine } from '../../doctor/local-checks.ts';
import { errorCode, errorMessage, FacefleetError } from '../../errors.ts';
import { attachOrHost } from '../../hosting.ts';
import { modelsDirOf, packIdOf } from '../../model-packs.ts';
import { configOf, examples, type Verb, withSettings } from '../command.ts';
import { json, printable } from '../output.ts';

const verb: Verb = {
  define(command) {
    withSettings(command, Object.keys(SETTINGS) as (keyof typeof SETTINGS)[])
      .option('--json', 'as JSON')
      .action(async (options: { json?: boolean }, self: Command) => {
        const findings = await examineAll(self);
        process.stdout.write(options.json ? json(findings) : page(findings));
        if (findings.some(({ level }) => level === 'fail')) process.exitCode = 1;
      });
    examples(command, [
      ['facefleet doctor', 'is everything there that the settings ask for?'],
      [
        'facefleet doctor --on aws --prefix ada-faces',
        'credentials, buckets, queues, launch template, permissions',
      ],
      ['facefleet doctor --json | jq ".[] | select(.level != "ok")"', 'for a program to read'],
    ]);
    command.addHelpText(
      'after',
      '\nIt changes nothing but one object that it puts and deletes. Exits with 0 nothing failed (there may be warnings), 1 something did, 2 called wrongly.',
    );
  },
};
export default verb;

async function examineAll(self: Command): Promise<readonly Finding[]> {
  let loaded: LoadedConfig;
  try {
    loaded = configOf(self);
  } catch (error) {
    if (!(error instanceof FacefleetError) || error.code !== 'config-invalid') throw error;
    return problemsOf(error);
  }
  const { config } = loaded;
  const settings = ok('settings', `are consistent; \`facefleet config\` shows where each comes from`);
  const modelsDir = modelsDirOf(loaded);
  const machine = await checkMachine(config, {
    modelsDir,
    packId: await packIdOf(loaded),
    now: systemClock.now(),
    hasAdminKey: () => hasAdminKey(loaded),
  });
  return [
    settings,
    ...machine,
    ...(needsBroker(config) ? await checkBroker(loaded) : await checkAccount(loaded)),
  ];
}

/** One finding a problem. */
function problemsOf(error: FacefleetError): Finding[] {
  const lines = errorMessage(error)
    .split('\n')
    .filter((line) => line.startsWith('  - '));
  return lines.map((line) => ({ check: 'settings', level: 'fail', what: line.slice(4) }));
}

function checkBroker(loaded: LoadedConfig): Promise<readonly Finding[]> {
  return examine('broker', async () => {
    try {
      await using deployment = await connect(loaded, { component: 'doctor', waitSeconds: 1 });
      await deployment.state.head('doctor');
      return ok('broker', `answers for ${loaded.config.dataDir}`);
    } catch (error) {
      if (errorCode(error) !== 'unavailable') throw error;
      return warn(
        'broker',
        `nobody serves ${loaded.config.dataDir}`,
        'start the service: `facefleet up`, or `systemctl start facefleet`',
      );
    }
  });
}

async function checkAccount(loaded: LoadedConfig): Promise<readonly Finding[]> {
  await using account = await openCloudAccount(loaded);
  return checkCloud({ account, config: loaded.config, hasEc2Fleet: fleetKind(loaded.config) === 'ec2' });
}

function page(findings: readonly Finding[]): string {
  const sign = { ok: '✔', warn: '!', fail: '✖' } as const;
  const lines = findings.map(({ check, level, what, next }) => {
    const line = `${sign[level]} ${check}: ${printable(what)}`;
    return next === undefined ? line : `${line}\n    → ${printable(next)}`;
  });
  const count = (level: Finding['level']) => findings.filter((finding) => finding.level === level).length;
  return `${lines.join('\n')}\n${count('ok')} ok, ${count('warn')} to look at, ${count('fail')} failed\n`;
}

/** Whether a key was made that lets somebody in from outside. */
async function hasAdminKey(loaded: LoadedConfig): Promise<boolean> {
  await using deployment = await attachOrHost(loaded, 'doctor', { needsWorker: false });
  return new ApiKeyStore(deployment).hasUsableAdmin();
}
