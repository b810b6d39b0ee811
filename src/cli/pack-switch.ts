import { existsSync } from 'node:fs';
import { join } from 'node:path';

import type { LoadedConfig } from '../config.ts';
import type { Deployment } from '../deployment.ts';
import { FacefleetError } from '../errors.ts';
import { Gallery } from '../gallery/index.ts';
import { attachOrHost } from '../hosting.ts';
import { type ModelPack, setActivePack } from '../recognition/index.ts';

/**
 * Makes a pack the one that the data folder works with: in its gallery, which running workers follow, and for every process
 * that starts from now on.
 *
 * @throws FacefleetError `conflict` when the gallery has faces that nobody embedded with this pack.
 */
export async function switchPack(loaded: LoadedConfig, pack: ModelPack): Promise<void> {
  const { dataDir } = loaded.config;
  if (existsSync(join(dataDir, 'buckets'))) {
    await using deployment = await attachOrHost(loaded, 'models');
    await switchGallery(deployment, pack.id);
  }
  await setActivePack(dataDir, pack.id);
}

/** Templates of different packs are never compared, so a gallery changes as a whole or not at all. */
export async function switchGallery(
  { state, clock }: Pick<Deployment, 'state' | 'clock'>,
  packId: string,
): Promise<void> {
  const gallery = new Gallery({ state, clock });
  const missing = await gallery.facesWithout(packId);
  if (missing.length > 0) {
    throw new FacefleetError(
      'conflict',
      `${missing.length === 1 ? 'a face of the gallery has' : `${missing.length} faces of the gallery have`} no embedding of the pack ${packId}; enrol them with it in a data folder of its own`,
    );
  }
  await gallery.usePack(packId);
}
