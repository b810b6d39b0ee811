import type { Command } from 'commander';
import { type LoadedConfig, SETTINGS } from '../../config.ts';
import { configOf, examples, type Verb, withSettings } from '../command.ts';

const verb: Verb = {
  define(command) {
    withSettings(command, Object.keys(SETTINGS) as (keyof typeof SETTINGS)[]);
    command.option('--json', 'as one JSON object').action((options: { json?: boolean }, self: Command) => {
      const loaded = configOf(self);
      process.stdout.write(options.json ? `${JSON.stringify(rows(loaded), null, 2)}\n` : table(loaded));
    });
    examples(command, [
      ['facefleet config', 'all settings, their values and sources'],
      ['PORT=8000 facefleet config --json', 'for a program to read'],
    ]);
  },
};
export default verb;

function rows({ config, sources }: LoadedConfig) {
  return (Object.keys(SETTINGS) as (keyof typeof SETTINGS)[]).map((name) => {
    const setting = SETTINGS[name];
    const value: unknown = config[name];
    const isMasked =
      setting.secret === true && (Array.isArray(value) ? value.length > 0 : value !== undefined);
    return {
      name,
      value: isMasked ? '(hidden)' : value,
      source: sources[name],
      variable: setting.variables[0],
      ...(setting.flag === undefined ? {} : { flag: `--${setting.flag}` }),
      help: setting.help,
    };
  });
}

function table(loaded: LoadedConfig): string {
  const lines = rows(loaded).map((row) => [
    row.variable ?? '',
    String(row.value ?? ''),
    row.source,
    row.help,
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) => `${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}\n`)
    .join('');
}
