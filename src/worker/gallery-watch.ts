import { errorMessage } from '../errors.ts';
import type { GalleryReplica } from '../gallery/types.ts';
import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';

/** A copy older than this is brought up to date beside fetching a picture: costs a look for the next log entry. */
const MAX_AGE_MS = 1000;

/** Keeps the replica as fresh as each reader needs it. */
export class GalleryWatch {
  readonly replica: GalleryReplica;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #freshAsOf = Number.NEGATIVE_INFINITY;

  constructor({ replica, clock, logger }: { replica: GalleryReplica; clock: Clock; logger: Logger }) {
    this.replica = replica;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Resolves when it holds all that was written before this call. */
  async refresh(): Promise<void> {
    const startedAt = this.#clock.monotonic();
    const before = this.replica.version;
    const version = await this.replica.refresh();
    this.#freshAsOf = startedAt;
    if (version !== before) {
      const { people, faces } = this.replica;
      this.#logger.info({ galleryVersion: version, people, faces }, 'gallery brought up to date');
    }
  }

  /** For those who can do with what it holds if there is no better: newer than a second, or as it is when that fails. */
  async freshen(): Promise<void> {
    if (this.#clock.monotonic() - this.#freshAsOf < MAX_AGE_MS) return;
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
      this.#logger.warn(
        { error: errorMessage(error), version: this.replica.version },
        'the gallery could not be brought up to date; matching against what is here',
      );
    }
  }
}
