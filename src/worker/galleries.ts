import { UnavailableError } from '../errors.ts';
import type { GalleryChanges } from '../gallery/enrolment.ts';
import type { GalleryReplica } from '../gallery/types.ts';
import type { GalleryId } from '../jobs/job.ts';
import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';
import { GalleryWatch } from './gallery-watch.ts';

/** Beside the default one. Those used last stay; another one costs its loading when it is asked for again. */
const MOST_OPEN = 8;

/** A gallery as the tasks use it. */
export interface WorkerGallery {
  readonly watch: GalleryWatch;
  readonly changes: GalleryChanges;
  /** The pack that answers in it. */
  readonly packId: string;
}

/** A gallery other than the default one, as whoever opens it hands it over. */
export interface OpenedGallery {
  readonly replica: GalleryReplica;
  readonly changes: GalleryChanges;
}

export interface GalleriesOptions {
  /** The default one, which the caller opened and closes. */
  readonly main: WorkerGallery;
  /** Loads a gallery with the pack that answers in it. Rejects with FacefleetError `erased` when it was removed. */
  readonly open: (galleryId: GalleryId) => Promise<OpenedGallery>;
  /** Whether it is there still. */
  readonly isOpen: (galleryId: GalleryId) => Promise<boolean>;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Held {
  readonly opening: Promise<WorkerGallery>;
  users: number;
}

/** The copies of galleries that a worker holds: the default one always, of the others those that jobs were about lately. */
export class Galleries implements AsyncDisposable {
  readonly main: WorkerGallery;
  readonly #options: GalleriesOptions;
  /** Used last comes last. */
  readonly #held = new Map<GalleryId, Held>();
  readonly #open = new Map<GalleryId, WorkerGallery>();

  constructor(options: GalleriesOptions) {
    this.main = options.main;
    this.#options = options;
  }

  /** Memory of all of them. */
  get residentBytes(): number {
    return [this.main, ...this.#open.values()].reduce(
      (sum, { watch }) => sum + watch.replica.residentBytes,
      0,
    );
  }

  /**
   * Works with a gallery, no older than a second, that is not closed meanwhile. Undefined is the default one.
   *
   * @throws FacefleetError `erased` when it was removed.
   */
  async use<T>(galleryId: GalleryId | undefined, work: (gallery: WorkerGallery) => Promise<T>): Promise<T> {
    if (galleryId === undefined) return work(this.main);
    const held = this.#hold(galleryId);
    held.users++;
    try {
      const gallery = await held.opening;
      await gallery.watch.freshen();
      this.#expectItsPack(galleryId, gallery);
      return await work(gallery);
    } finally {
      held.users--;
      await this.#closeLeastUsed();
    }
  }

  isOpen(galleryId: GalleryId | undefined): Promise<boolean> {
    return galleryId === undefined ? Promise.resolve(true) : this.#options.isOpen(galleryId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#held.values()];
    this.#held.clear();
    await Promise.all(all.map((held) => close(held)));
  }

  #hold(galleryId: GalleryId): Held {
    const known = this.#held.get(galleryId);
    const held = known ?? { opening: this.#load(galleryId), users: 0 };
    this.#held.delete(galleryId);
    this.#held.set(galleryId, held);
    return held;
  }

  async #load(galleryId: GalleryId): Promise<WorkerGallery> {
    const { open, clock, logger } = this.#options;
    try {
      const { replica, changes } = await open(galleryId);
      const watch = new GalleryWatch({ replica, clock, logger, onChange: () => {} });
      const gallery = { watch, changes, packId: replica.activePack ?? this.main.packId };
      this.#open.set(galleryId, gallery);
      return gallery;
    } catch (error) {
      // The next job tries again.
      this.#held.delete(galleryId);
      throw error;
    }
  }

  /** One that was switched to another pack is loaded anew, with that one's templates. */
  #expectItsPack(galleryId: GalleryId, { watch, packId }: WorkerGallery): void {
    const { activePack = packId } = watch.replica;
    if (activePack === packId) return;
    this.#held.delete(galleryId);
    this.#open.delete(galleryId);
    throw new UnavailableError(`the gallery answers with the pack ${activePack} now, and is loaded again`, {
      context: { gallery: galleryId },
    });
  }

  async #closeLeastUsed(): Promise<void> {
    for (const [galleryId, held] of this.#held) {
      if (this.#held.size <= MOST_OPEN) return;
      if (held.users > 0) continue;
      this.#held.delete(galleryId);
      this.#open.delete(galleryId);
      await close(held);
    }
  }
}

async function close({ opening }: Held): Promise<void> {
  // One that failed to open has nothing to close.
  const gallery = await opening.catch(() => undefined);
  await gallery?.watch.replica[Symbol.asyncDispose]();
}
