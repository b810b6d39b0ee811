import { existsSync } from 'node:fs';
import { join } from 'node:path';

import type { LoadedConfig } from '../config.ts';
import type { Deployment } from '../deployment.ts';
import { DEFAULT_GALLERY, Gallery, GalleryDirectory, reembedAll } from '../gallery/index.ts';
import { attachOrHost } from '../hosting.ts';
import type { GalleryId } from '../jobs/job.ts';
import { JobClient } from '../jobs/job-client.ts';
import { type ModelPack, setActivePack } from '../recognition/index.ts';
import { announceGalleryVersion } from '../scaling/controller-client.ts';
import { createProgress, type Progress } from './progress.ts';

/** Faces on their way to the workers at once. */
const PARALLEL = 32;

/**
 * Makes a pack the one that the data folder works with: every face of every gallery is embedded with it, by the workers,
 * then the gallery is switched, which running workers follow, and every process that starts from now on. Until then the
 * old pack answers.
 *
 * @throws FacefleetError `conflict` when a face could not be embedded; repeating it goes on where it was.
 */
export async function switchPack(loaded: LoadedConfig, pack: ModelPack): Promise<void> {
  const { dataDir } = loaded.config;
  if (existsSync(join(dataDir, 'buckets'))) {
    await using deployment = await attachOrHost(loaded, 'models');
    await switchGalleries(deployment, pack.id);
  }
  await setActivePack(dataDir, pack.id);
}

/**
 * One gallery after the other: templates of different packs are never compared, so each changes as a whole or not at all.
 * The default one comes last, since workers start anew when it has changed.
 */
export async function switchGalleries(deployment: Deployment, packId: string): Promise<void> {
  const { state, clock } = deployment;
  const directory = new GalleryDirectory({ state, clock });
  const [main, ...others] = await directory.list();
  for (const { name, galleryId } of [...others, main!]) {
    const gallery = new Gallery({ state, clock, name: galleryId });
    try {
      await switchGallery(deployment, { gallery, name, galleryId }, packId);
    } catch (error) {
      // Removed meanwhile: then there is nobody in it to be found.
      if (await directory.isOpen(galleryId)) throw error;
    }
  }
}

async function switchGallery(
  deployment: Deployment,
  { gallery, name, galleryId }: { gallery: Gallery; name: string; galleryId: GalleryId },
  packId: string,
): Promise<void> {
  const isMain = galleryId === DEFAULT_GALLERY;
  if ((await gallery.facesWithout(packId)).length === 0) {
    await gallery.usePack(packId);
  } else {
    await using jobs = await JobClient.open(deployment);
    using bar = new RoundsBar(isMain ? 're-embedding' : `re-embedding ${name}`);
    const onProgress = (done: number, total: number) => bar.show(done, total);
    const place = isMain ? {} : { galleryId };
    await reembedAll({ gallery, jobs, packId, ...place, parallel: PARALLEL, onProgress });
  }
  // Of other galleries workers look for news themselves, before each job about one.
  if (isMain) await announceGalleryVersion(deployment.state, gallery.version);
}

/** One bar a round. */
class RoundsBar implements Disposable {
  readonly #label: string;
  #bar: Progress | undefined;

  constructor(label: string) {
    this.#label = label;
  }

  show(done: number, total: number): void {
    if (done === 0) {
      this.#bar?.finish();
      this.#bar = total === 0 ? undefined : createProgress({ label: this.#label, total });
    } else {
      this.#bar?.advance();
    }
  }

  [Symbol.dispose](): void {
    this.#bar?.finish();
  }
}
