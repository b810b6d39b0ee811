import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Config } from '../config.ts';
import { errorMessage } from '../errors.ts';
import { modelsDirOf, packOfDeployment } from '../model-packs.ts';
import { type ModelPack, openRecogniser, PackRegistry, type Recogniser } from '../recognition/index.ts';
import { configOf, withSettings } from './command.ts';

/** The flags of verbs that recognise pictures themselves. */
export function withRecognitionSettings(command: Command): Command {
  return withSettings(command, ['pack', 'smallFaces', 'maxPixels', 'dataDir']);
}

export interface OpenedRecogniser {
  readonly config: Config;
  readonly pack: ModelPack;
  readonly recogniser: Recogniser;
}

/** A recogniser as the settings say, but for the pack if one is given. A verb has nothing else to do meanwhile, so it needs no thread of its own. */
export async function recogniserOf(command: Command, packId?: string): Promise<OpenedRecogniser> {
  const loaded = configOf(command);
  const { config } = loaded;
  const pack =
    packId === undefined
      ? await packOfDeployment(loaded)
      : await new PackRegistry({ folder: modelsDirOf(loaded) }).find(packId);
  const recogniser = await openRecogniser({
    modelsDir: modelsDirOf(loaded),
    packId: pack.id,
    maxPixels: config.maxPixels,
    smallFaces: config.smallFaces,
    inThread: false,
  });
  return { config, pack, recogniser };
}

/** Errors about a picture name it. */
export async function forPicture<T>(path: string, work: (bytes: Buffer) => Promise<T>): Promise<T> {
  try {
    return await work(await readFile(path));
  } catch (cause) {
    throw new Error(`${path}: ${errorMessage(cause)}`, { cause });
  }
}
