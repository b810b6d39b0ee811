import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Config } from '../config.ts';
import { errorMessage } from '../errors.ts';
import { openRecogniser, type Recogniser } from '../recognition/index.ts';
import { configOf, withSettings } from './command.ts';

/** The flags of verbs that recognise pictures themselves. */
export function withRecognitionSettings(command: Command): Command {
  return withSettings(command, ['pack', 'smallFaces', 'maxPixels', 'dataDir']);
}

/** A recogniser as the settings say. A verb has nothing else to do meanwhile, so it needs no thread of its own. */
export async function recogniserOf(command: Command): Promise<{ config: Config; recogniser: Recogniser }> {
  const { config } = configOf(command);
  const { pack: packId, maxPixels, smallFaces } = config;
  const modelsDir = join(config.dataDir, 'models');
  return {
    config,
    recogniser: await openRecogniser({ modelsDir, packId, maxPixels, smallFaces, inThread: false }),
  };
}

/** Errors about a picture name it. */
export async function forPicture<T>(path: string, work: (bytes: Buffer) => Promise<T>): Promise<T> {
  try {
    return await work(await readFile(path));
  } catch (cause) {
    throw new Error(`${path}: ${errorMessage(cause)}`, { cause });
  }
}
