import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Config } from './types.ts';

/** What a command must agree on with the service whose data folder it joins: it looks in other buckets and queues otherwise. */
const SHARED = ['prefix', 'dialect'] as const;

/** Of a data folder: how the service that lives in it was started. */
const FILE = 'service.json';

/** Written by whoever holds the data folder, for the commands that join. */
export function writeServiceFile(config: Config): void {
  const facts = Object.fromEntries(SHARED.map((name) => [name, config[name]]));
  const path = join(config.dataDir, FILE);
  writeFileSync(`${path}.new`, `${JSON.stringify(facts)}\n`);
  renameSync(`${path}.new`, path);
}

/** As texts, by the names of `Config`; nothing where no service has ever been. */
export function readServiceFile(dataDir: string): ReadonlyMap<keyof Config, string> {
  let text: string;
  try {
    text = readFileSync(join(dataDir, FILE), 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return new Map();
    throw error;
  }
  const facts = JSON.parse(text) as Record<string, unknown>;
  return new Map(SHARED.filter((name) => name in facts).map((name) => [name, String(facts[name])]));
}
