import type { Command } from 'commander';
import { type LoadedConfig, loadConfig, SETTINGS } from '../config.ts';

/** A verb of `facefleet`: one file in `commands/`, loaded only when it is called. */
export interface Verb {
  /** Adds arguments, options, examples and the action to the command. */
  define(command: Command): void;
}

type SettingName = keyof typeof SETTINGS;

/** Of every verb that works with a deployment: which one it is. */
export const DEPLOYMENT_SETTINGS: readonly SettingName[] = [
  'on',
  'dataDir',
  'prefix',
  'awsRegion',
  'awsProfile',
];

/** Adds the flags of these settings (`--data-dir <value>` …), shown with what they mean. */
export function withSettings(command: Command, names: readonly SettingName[]): Command {
  for (const name of names) {
    const setting = SETTINGS[name];
    if (setting.flag === undefined) continue;
    const isSwitch = typeof setting.fallback() === 'boolean';
    command.option(
      isSwitch ? `--${setting.flag}` : `--${setting.flag} <value>`,
      `${setting.help} (${setting.variables.join(' or ')})`,
    );
  }
  return command;
}

/** The flags that were typed, by flag name. */
export function typedFlags(command: Command): Record<string, string | boolean> {
  const options: Record<string, unknown> = command.optsWithGlobals();
  const flags: Record<string, string | boolean> = {};
  for (const setting of Object.values(SETTINGS)) {
    if (setting.flag === undefined) continue;
    const value = options[camelCase(setting.flag)];
    if (typeof value === 'string' || typeof value === 'boolean') flags[setting.flag] = value;
  }
  return flags;
}

/** For a command that works with the service of the data folder, if there is one. */
export function configOf(command: Command): LoadedConfig {
  return loadConfig({ flags: typedFlags(command), joinsService: true });
}

/** For a command that says what the service is. */
export function configOfService(command: Command): LoadedConfig {
  return loadConfig({ flags: typedFlags(command) });
}

/** Examples, below the options of `--help`. */
export function examples(
  command: Command,
  lines: readonly (readonly [call: string, meaning: string])[],
): Command {
  const width = Math.max(...lines.map(([call]) => call.length));
  return command.addHelpText(
    'after',
    `\nExamples:\n${lines.map(([call, meaning]) => `  $ ${call.padEnd(width)}  ${meaning}`).join('\n')}`,
  );
}

function camelCase(flag: string): string {
  return flag.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
