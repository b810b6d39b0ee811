import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseEnv } from 'node:util';

import type { Setting } from './setting.ts';
import { SETTINGS } from './settings.ts';
import type { ConfigSource } from './types.ts';

export function lookUp(
  setting: Setting<unknown>,
  flags: Readonly<Record<string, string | boolean | undefined>>,
  environment: Readonly<Record<string, string | undefined>>,
  dotenv: Readonly<Record<string, string | undefined>>,
): { text: string; label: string; source: ConfigSource } | undefined {
  const given = setting.flag === undefined ? undefined : flags[setting.flag];
  if (given !== undefined) return { text: String(given), label: `--${setting.flag}`, source: 'flag' };
  for (const [source, variables] of [
    ['environment', environment],
    ['.env', dotenv],
  ] as const) {
    for (const name of setting.variables) {
      const value = variables[name];
      if (value !== undefined && value !== '') {
        return { text: value, label: source === '.env' ? `${name} in .env` : name, source };
      }
    }
  }
  return undefined;
}

export function readDotenv(folder: string | false): Readonly<Record<string, string | undefined>> {
  if (folder === false) return {};
  const file = resolve(folder, '.env');
  return existsSync(file) ? parseEnv(readFileSync(file, 'utf8')) : {};
}

/** A misspelt variable that is silently ignored costs somebody an evening. */
export function unknownVariables(...places: Readonly<Record<string, string | undefined>>[]): string[] {
  const known = new Set(Object.values(SETTINGS).flatMap((setting) => setting.variables));
  const internal = /^FACEFLEET_(INSTANCE_|INTERNAL_)/;
  const given = new Set(places.flatMap((place) => Object.keys(place)));
  return [...given]
    .filter((name) => name.startsWith('FACEFLEET_') && !known.has(name) && !internal.test(name))
    .map((name) => `${name} is set, but there is no such setting; \`facefleet config\` lists them`);
}
