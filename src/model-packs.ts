import { join } from 'node:path';

import type { LoadedConfig } from './config.ts';
import { activePack, type ModelPack, PackRegistry } from './recognition/index.ts';

/** Where a deployment keeps its ONNX files and users' packs. */
export function modelsDirOf({ config }: LoadedConfig): string {
  return join(config.dataDir, 'models');
}

/** The id of the pack that a deployment works with: flag or environment, else `models use`, else the default. */
export function packIdOf({ config, sources }: LoadedConfig): Promise<string> {
  const configured = sources.pack === 'default' ? undefined : config.pack;
  return activePack({ dataDir: config.dataDir, configured });
}

/** @throws ModelError when that pack is not there. */
export async function packOfDeployment(loaded: LoadedConfig): Promise<ModelPack> {
  return await new PackRegistry({ folder: modelsDirOf(loaded) }).find(await packIdOf(loaded));
}
