import { awsContradictions, contradictions } from './config/contradictions.ts';
import { fleetKind } from './config/fleet-kind.ts';
import { readServiceFile, SHARED_WITH_SERVICE, serviceFile } from './config/service-file.ts';
import type { Setting } from './config/setting.ts';
import { SETTINGS } from './config/settings.ts';
import { lookUp, readDotenv, unknownVariables } from './config/sources.ts';
import type { Config, ConfigSource, LoadedConfig } from './config/types.ts';
import { FacefleetError } from './errors.ts';
import type { MachineIdentity } from './ports/machine.ts';
import type { NotifyEnvironment } from './systemd/notifier.ts';

export { fleetKind } from './config/fleet-kind.ts';
export { writeServiceFile } from './config/service-file.ts';
export { SETTINGS } from './config/settings.ts';
export type { Config, ConfigSource, LoadedConfig } from './config/types.ts';

export interface ConfigInput {
  /** By flag name, as typed. */
  readonly flags?: Readonly<Record<string, string | boolean | undefined>>;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Folder whose `.env` is read; false for none. */
  readonly dotenvFolder?: string | false;
  /** Whether what nobody has set is as the service in the data folder has it, where the two must agree. */
  readonly joinsService?: boolean;
}

/**
 * Flags over environment over `.env` over what the service of the data folder was started with over defaults, frozen.
 *
 * @throws FacefleetError `config-invalid` that lists every problem: the variable or flag, its value, what was expected.
 */
export function loadConfig(input: ConfigInput = {}): LoadedConfig {
  const environment = input.environment ?? process.env;
  const dotenv = readDotenv(input.dotenvFolder ?? process.cwd());
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  const sources: Record<string, ConfigSource> = {};

  for (const [name, setting] of Object.entries(SETTINGS) as [keyof Config, Setting<unknown>][]) {
    const found = lookUp(setting, input.flags ?? {}, environment, dotenv);
    sources[name] = found?.source ?? 'default';
    if (found === undefined) {
      values[name] = setting.fallback();
      continue;
    }
    try {
      values[name] = setting.parse(found.text);
    } catch (error) {
      const shown = setting.secret ? '(hidden)' : JSON.stringify(found.text);
      problems.push(`${found.label} is ${shown}, expected ${(error as Error).message}`);
    }
  }
  problems.push(...unknownVariables(environment, dotenv));
  if (input.joinsService && problems.length === 0 && values.on === 'local') {
    problems.push(...adoptService(values, sources));
  }
  if (problems.length === 0) {
    // Only now is it known what the workers are, on which defaults depend.
    const fleet = fleetKind(values as unknown as Config);
    for (const [name, setting] of Object.entries(SETTINGS) as [keyof Config, Setting<unknown>][]) {
      if (sources[name] === 'default') values[name] = setting.fallback(fleet);
    }
    const config = values as unknown as Config;
    problems.push(
      ...contradictions(config),
      ...awsContradictions(config, sources as LoadedConfig['sources']),
    );
  }
  if (problems.length > 0) {
    throw new FacefleetError(
      'config-invalid',
      `the configuration has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}:\n${problems.map((line) => `  - ${line}`).join('\n')}`,
    );
  }
  return {
    config: Object.freeze(values) as unknown as Config,
    sources: Object.freeze(sources) as LoadedConfig['sources'],
  };
}

/** Takes over from the service of the data folder what nobody has set; returns what is wrong with its file. */
function adoptService(values: Record<string, unknown>, sources: Record<string, ConfigSource>): string[] {
  const dataDir = String(values.dataDir);
  // Who is told everything, as the service's own processes are, has nothing to ask an old file.
  const unset = new Set<keyof Config>(SHARED_WITH_SERVICE.filter((name) => sources[name] === 'default'));
  if (unset.size === 0) return [];
  try {
    for (const [name, text] of readServiceFile(dataDir)) {
      if (!unset.has(name)) continue;
      values[name] = SETTINGS[name].parse(text);
      sources[name] = 'service';
    }
    return [];
  } catch (error) {
    return [
      `${serviceFile(dataDir)} should say how the service was started (${(error as Error).message}): start the service again, which ` +
        'writes it anew, or say --prefix and --dialect',
    ];
  }
}

/**
 * Of a worker that a fleet on this machine has launched: from `FACEFLEET_INSTANCE_ID`, `_SLOT` and `_GENERATION`. Undefined
 * when it was told nothing.
 */
export function instanceIdentity(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): MachineIdentity | undefined {
  const id = environment.FACEFLEET_INSTANCE_ID;
  if (id === undefined) return undefined;
  const place = (variable: string) => {
    const value = environment[variable] ?? '';
    if (/^\d{1,9}$/.test(value)) return Number(value);
    throw new FacefleetError(
      'config-invalid',
      `${variable} is ${JSON.stringify(value)}, expected a whole number`,
    );
  };
  return {
    id,
    slot: place('FACEFLEET_INSTANCE_SLOT'),
    generation: place('FACEFLEET_INSTANCE_GENERATION'),
  };
}

/** Of systemd's protocol for services: for this process alone. */
const NOTIFY_VARIABLES = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'] as const;

/** Whom this process should tell that it is ready and alive, as systemd says by NOTIFY_SOCKET and WATCHDOG_*. */
export function notifyEnvironment(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): NotifyEnvironment {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: period, WATCHDOG_PID: pid } = environment;
  const isForUs = pid === undefined || Number(pid) === process.pid;
  const periodMs = Number(period ?? 0) / 1000;
  return { socket: socket || undefined, watchdogMs: isForUs && periodMs > 0 ? periodMs : undefined };
}

/** The variables of OpenTelemetry, which have names and rules of their own (`otlpSettings`): environment over `.env`. */
export function openTelemetryVariables(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  dotenvFolder: string | false = process.cwd(),
): Readonly<Record<string, string | undefined>> {
  const both = { ...readDotenv(dotenvFolder), ...environment };
  return Object.fromEntries(Object.entries(both).filter(([name]) => name.startsWith('OTEL_')));
}

/**
 * The environment for a child process that shall come to the same config: this process's own, with flags written as
 * their variables (a flag that was typed wins over the environment here as it did in the parent).
 */
export function childEnvironment(
  flags: Readonly<Record<string, string | boolean | undefined>>,
): Record<string, string | undefined> {
  const environment: Record<string, string | undefined> = { ...process.env };
  for (const setting of Object.values(SETTINGS) as Setting<unknown>[]) {
    const given = setting.flag === undefined ? undefined : flags[setting.flag];
    if (given !== undefined) environment[setting.variables[0]!] = String(given);
  }
  // A child that said "ready" in its parent's name would be believed.
  for (const variable of NOTIFY_VARIABLES) delete environment[variable];
  return environment;
}
