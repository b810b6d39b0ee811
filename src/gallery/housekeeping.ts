import type { Buckets } from '../jobs/stores.ts';
import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';
import { compactGallery } from './compaction.ts';
import { GalleryDirectory } from './directory.ts';
import { finishErasures } from './erasure.ts';
import { Gallery } from './gallery.ts';
import { DEFAULT_GALLERY, faceIdOfCrop, galleryKeys } from './keys.ts';
import { finishRemovals } from './removal.ts';

/** An enrolment stores the crop first and the face a moment later; after this long it is not coming any more. */
const ORPHAN_MILLISECONDS = 3_600_000;
/** Looking for them reads the names of all faces and crops. */
const ORPHAN_INTERVAL_MILLISECONDS = 6 * 3_600_000;

export interface GalleryHousekeepingOptions {
  readonly buckets: Buckets;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default `default`. */
  readonly gallery?: string;
}

/** What keeps a gallery small and its erasures complete. Call `run` every minute or so; any number of processes may. */
export class GalleryHousekeeping {
  readonly #options: GalleryHousekeepingOptions;
  #orphansDueAt = 0;

  constructor(options: GalleryHousekeepingOptions) {
    this.#options = options;
  }

  /** Ends erasures that were cut off, folds a long log, deletes what was replaced, and now and then crops without a face. */
  async run(): Promise<void> {
    const { buckets, clock, logger, gallery: name = DEFAULT_GALLERY } = this.#options;
    await finishErasures(this.#options);
    const { folded, deletedObjects, baseSequence } = await compactGallery({
      state: buckets.state,
      clock,
      name,
    });
    if (folded > 0 || deletedObjects > 0)
      logger.info({ gallery: name, folded, deletedObjects, baseSequence }, 'gallery compacted');
    if (clock.now() < this.#orphansDueAt) return;
    this.#orphansDueAt = clock.now() + ORPHAN_INTERVAL_MILLISECONDS;
    const orphans = await this.#deleteOrphans(name);
    if (orphans > 0) logger.info({ gallery: name, orphans }, 'crops without a face deleted');
  }

  /** Crops of enrolments that died between storing the crop and adding the face. */
  async #deleteOrphans(name: string): Promise<number> {
    const { buckets, clock } = this.#options;
    const old: string[] = [];
    for await (const { key, lastModified } of buckets.state.list({ prefix: galleryKeys(name).cropPrefix })) {
      if (lastModified.getTime() < clock.now() - ORPHAN_MILLISECONDS) old.push(key);
    }
    if (old.length === 0) return 0;
    // Read after the listing: a face added meanwhile is there, and its crop was too young.
    const faces = new Set(await new Gallery({ state: buckets.state, clock, name }).faceIds());
    const orphans = old.filter((key) => !faces.has(faceIdOfCrop(key)));
    for (const key of orphans) await buckets.state.delete(key);
    return orphans.length;
  }
}

/** The same for every gallery there is, and for those that are being removed. */
export class GalleriesHousekeeping {
  readonly #options: Omit<GalleryHousekeepingOptions, 'gallery'>;
  readonly #each = new Map<string, GalleryHousekeeping>();

  constructor(options: Omit<GalleryHousekeepingOptions, 'gallery'>) {
    this.#options = options;
  }

  async run(): Promise<void> {
    const { buckets, clock, logger } = this.#options;
    const removed = await finishRemovals(this.#options);
    if (removed > 0) logger.info({ removed }, 'galleries removed');
    for (const { galleryId } of await new GalleryDirectory({ state: buckets.state, clock }).list()) {
      const one =
        this.#each.get(galleryId) ?? new GalleryHousekeeping({ ...this.#options, gallery: galleryId });
      this.#each.set(galleryId, one);
      await one.run();
    }
  }
}
