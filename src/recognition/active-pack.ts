import { join } from 'node:path';

import { ModelError } from './errors.ts';
import { BUILT_IN_PACKS } from './packs.ts';
import { readIfThere, writeWhole } from './whole-file.ts';

const FILE_VERSION = 1;

export interface ActivePackQuery {
  readonly dataDir: string;
  /** The pack that a flag or the environment names; undefined when none does. */
  readonly configured: string | undefined;
}

/**
 * The id of the pack that this data folder works with: what flag or environment name, else what `models use` wrote down,
 * else the first built-in one.
 *
 * @throws ModelError when the note is damaged.
 */
export async function activePack({ dataDir, configured }: ActivePackQuery): Promise<string> {
  return configured ?? (await notedPack(dataDir)) ?? BUILT_IN_PACKS[0]!.id;
}

/** Writes the pack down, for every process that is started on this data folder from now on. */
export async function setActivePack(dataDir: string, packId: string): Promise<void> {
  await writeWhole(noteOf(dataDir), `${JSON.stringify({ version: FILE_VERSION, pack: packId })}\n`);
}

async function notedPack(dataDir: string): Promise<string | undefined> {
  const path = noteOf(dataDir);
  const bytes = await readIfThere(path);
  if (bytes === undefined) return undefined;
  const note = parseNote(bytes.toString());
  if (note !== undefined) return note;
  throw new ModelError(`${path} does not name a pack; choose one with \`facefleet models use\``);
}

function parseNote(text: string): string | undefined {
  try {
    const note: { version?: unknown; pack?: unknown } = JSON.parse(text);
    return note.version === FILE_VERSION && typeof note.pack === 'string' ? note.pack : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}

function noteOf(dataDir: string): string {
  return join(dataDir, 'models', 'active.json');
}
