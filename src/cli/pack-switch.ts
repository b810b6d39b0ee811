import { existsSync } from 'node:fs';
import { join } from 'node:path';

import type { LoadedConfig } from '../config.ts';
import type { Deployment } from '../deployment.ts';
import { Gallery, reembedAll } from '../gallery/index.ts';
import { attachOrHost } from '../hosting.ts';
import { JobClient } from '../jobs/job-client.ts';
import { type ModelPack, setActivePack } from '../recognition/index.ts';
import { announceGalleryVersion } from '../scaling/controller-client.ts';
import { createProgress, type Progress } from './progress.ts';

/** Faces on their way to the workers at once. */
const PARALLEL = 32;

/**
 * Makes a pack the one that the data folder works with: every face of its gallery is embedded with it, by the workers,
 * then the gallery is switched, which running workers follow, and every process that starts from now on. Until then the
 * old pack answers.
 *
 * @throws FacefleetError `conflict` when a face could not be embedded; repeating it goes on where it was.
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
export async function switchGallery(deployment: Deployment, packId: string): Promise<void> {
  const { state, clock } = deployment;
  const gallery = new Gallery({ state, clock });
  if ((await gallery.facesWithout(packId)).length === 0) {
    await gallery.usePack(packId);
  } else {
    await using jobs = await JobClient.open(deployment);
    using bar = new RoundsBar();
    const onProgress = (done: number, total: number) => bar.show(done, total);
    await reembedAll({ gallery, jobs, packId, parallel: PARALLEL, onProgress });
  }
  await announceGalleryVersion(state, gallery.version);
}

/** One bar a round. */
class RoundsBar implements Disposable {
  #bar: Progress | undefined;

  show(done: number, total: number): void {
    if (done === 0) {
      this.#bar?.finish();
      this.#bar = total === 0 ? undefined : createProgress({ label: 're-embedding', total });
    } else {
      this.#bar?.advance();
    }
  }

  [Symbol.dispose](): void {
    this.#bar?.finish();
  }
}
