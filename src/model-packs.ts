import { join } from 'node:path';

import type { LoadedConfig } from './config.ts';
import { activePack, type ModelPack, PackRegistry } from './recognition/index.ts';

/** Where a deployment keeps its ONNX files and users' packs. */
export function modelsDirOf({ config }: LoadedConfig): string {
  return join(config.dataDir, 'models');
}

/** The pack that a deployment works with: flag or environment, else `models use`, else the default. */
export async function packOfDeployment(loaded: LoadedConfig): Promise<ModelPack> {
  const { config, sources } = loaded;
  const configured = sources.pack === 'default' ? undefined : config.pack;
  const id = await activePack({ dataDir: config.dataDir, configured });
  return await new PackRegistry({ folder: modelsDirOf(loaded) }).find(id);
}
