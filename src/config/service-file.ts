import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Config } from './types.ts';

/** What a command must agree on with the service whose data folder it joins: it looks in other buckets and queues otherwise. */
export const SHARED_WITH_SERVICE = ['prefix', 'dialect'] as const;

/** Of a data folder: how the service that lives in it was started. */
export function serviceFile(dataDir: string): string {
  return join(dataDir, 'service.json');
}

/** Written by whoever holds the data folder, for the commands that join; synced, so that a crash leaves the old one or the new one. */
export function writeServiceFile(config: Config): void {
  const facts = Object.fromEntries(SHARED_WITH_SERVICE.map((name) => [name, config[name]]));
  const path = serviceFile(config.dataDir);
  writeFileSync(`${path}.new`, `${JSON.stringify(facts)}\n`, { flush: true });
  renameSync(`${path}.new`, path);
}

/**
 * As texts, by the names of `Config`; nothing where no service has ever been.
 *
 * @throws Error when the file is there and cannot be read as what `writeServiceFile` writes.
 */
export function readServiceFile(dataDir: string): ReadonlyMap<keyof Config, string> {
  let text: string;
  try {
    text = readFileSync(serviceFile(dataDir), 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return new Map();
    throw error;
  }
  const facts: unknown = JSON.parse(text);
  if (typeof facts !== 'object' || facts === null) throw new Error(`it holds ${text.trim()}`);
  return new Map(
    Object.entries(facts).flatMap(([name, value]) => {
      const known = SHARED_WITH_SERVICE.find((one) => one === name);
      return known === undefined ? [] : [[known, String(value)]];
    }),
  );
}
