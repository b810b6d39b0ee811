import { errorMessage } from '../errors.ts';
import type { GalleryReplica } from '../gallery/types.ts';
import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';

/** A copy older than this is brought up to date beside fetching a picture: costs a look for the next log entry. */
const MAX_AGE_MS = 1000;

export interface GalleryWatchOptions {
  readonly replica: GalleryReplica;
  readonly clock: Clock;
  readonly logger: Logger;
  /** It holds another version than before. */
  readonly onChange: () => void;
}

/** Keeps the replica as fresh as each reader needs it. */
export class GalleryWatch {
  readonly replica: GalleryReplica;
  readonly #options: GalleryWatchOptions;
  #freshAsOf = Number.NEGATIVE_INFINITY;

  constructor(options: GalleryWatchOptions) {
    this.replica = options.replica;
    this.#options = options;
  }

  /** Resolves when it holds all that was written before this call. */
  async refresh(): Promise<void> {
    const { clock, logger, onChange } = this.#options;
    const startedAt = clock.monotonic();
    const before = this.replica.version;
    const version = await this.replica.refresh();
    this.#freshAsOf = startedAt;
    if (version !== before) {
      const { people, faces } = this.replica;
      logger.info({ galleryVersion: version, people, faces }, 'gallery brought up to date');
      onChange();
    }
  }

  /** For those who can do with what it holds if there is no better: newer than a second, or as it is when that fails. */
  async freshen(): Promise<void> {
    if (this.#options.clock.monotonic() - this.#freshAsOf < MAX_AGE_MS) return;
    await this.#refreshOrWarn();
  }

  /** There is a newer version, somebody said. */
  async catchUpWith(version: number): Promise<void> {
    if (version > this.replica.version) await this.#refreshOrWarn();
  }

  async #refreshOrWarn(): Promise<void> {
    try {
      await this.refresh();
    } catch (error) {
      this.#options.logger.warn(
        { error: errorMessage(error), version: this.replica.version },
        'the gallery could not be brought up to date; matching against what is here',
      );
    }
  }
}
