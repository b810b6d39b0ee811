import { execFile } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { findSitters, pictureOf } from './face-pictures.ts';
import type { Service } from './service.ts';

export const examples = join(import.meta.dirname, '..', '..', 'examples');

/** Runs an example on a service with two pictures of a person whom nobody has introduced; resolves to its lines. */
export async function runExample(
  service: Service,
  command: readonly string[],
  { name, sitter }: { readonly name: string; readonly sitter: number },
): Promise<string[]> {
  const who = (await findSitters(join(service.dataDir, 'models')))[sitter];
  if (who === undefined) throw new Error(`the sample pictures have no person ${sitter}`);
  const folder = mkdtempSync(join(service.dataDir, 'example-'));
  const [portrait, picture] = [join(folder, 'portrait.jpg'), join(folder, 'picture.jpg')];
  writeFileSync(portrait, who.portrait);
  writeFileSync(picture, await pictureOf(who, { seed: 4, sidePx: 200 }));
  const [program = '', ...words] = command;
  const { stdout } = await promisify(execFile)(program, [...words, name, portrait, picture], {
    env: { ...process.env, FACEFLEET_URL: service.url },
    timeout: 120_000,
  });
  return stdout.trim().split('\n');
}
