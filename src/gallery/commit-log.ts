import { FacefleetError, PreconditionFailedError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { encodeEntry, type GalleryOp, type LogEntry } from './entry.ts';
import { GalleryFollower, type GalleryObserver } from './follower.ts';
import type { GalleryState } from './gallery-state.ts';
import type { GalleryKeys } from './keys.ts';

/** With more writers than this at once something else is wrong. */
const MAX_ATTEMPTS = 1000;

/** What a change comes to in one state of the gallery. */
export interface Decision<T> {
  /** None: nothing is written. */
  readonly ops: readonly GalleryOp[];
  readonly result: T;
}

export interface CommitLogOptions {
  readonly store: ObjectStore;
  readonly keys: GalleryKeys;
  readonly clock: Clock;
  readonly observer?: GalleryObserver;
}

/**
 * The end of a gallery's log, as a writer sees it.
 *
 * Each change is decided on a state, then created as the log's next entry: when another writer was there first, it is
 * decided again on what the gallery is by then. So any number of writers in any processes behave as one, and every
 * change was right when it took effect.
 */
export class CommitLog {
  readonly #store: ObjectStore;
  readonly #keys: GalleryKeys;
  readonly #clock: Clock;
  readonly #follower: GalleryFollower;
  /** Changes of this writer go one after another: among themselves they would only collide. */
  #tail: Promise<unknown> = Promise.resolve();

  constructor({ store, keys, clock, observer }: CommitLogOptions) {
    this.#store = store;
    this.#keys = keys;
    this.#clock = clock;
    const watching = observer === undefined ? {} : { observer };
    this.#follower = new GalleryFollower({ store, keys, packs: [], ...watching });
  }

  /** As of the last refresh or commit; without vectors. */
  get state(): GalleryState {
    return this.#follower.state;
  }

  get version(): number {
    return this.#follower.version;
  }

  refresh(): Promise<number> {
    return this.#follower.refresh();
  }

  /**
   * Resolves to the decision's result once it is written. `prepare` runs before each attempt to write what was decided.
   */
  commit<T>(
    decide: (state: GalleryState, version: number) => Decision<T>,
    prepare?: (result: T) => Promise<void>,
  ): Promise<T> {
    const turn = this.#tail.then(() => this.#commitNow(decide, prepare));
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  async #commitNow<T>(
    decide: (state: GalleryState, version: number) => Decision<T>,
    prepare: ((result: T) => Promise<void>) | undefined,
  ): Promise<T> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      // The loser of a crowded number steps back a little, or all of them collide again at the next.
      if (attempt > 2) await this.#clock.sleep(Math.random() * Math.min(50, attempt * 2));
      const version = await this.#follower.refresh();
      const { ops, result } = decide(this.#follower.state, version);
      if (ops.length === 0) return result;
      await prepare?.(result);
      const entry = { sequence: version + 1, writtenAt: this.#clock.now(), ops };
      if (await this.#append(entry)) return result;
    }
    throw new FacefleetError('unavailable', `another writer was first ${MAX_ATTEMPTS} times in a row`, {
      context: { bucket: this.#store.bucket, log: this.#keys.logPrefix },
    });
  }

  /** False: the number was taken, or so old that it only looked free. */
  async #append(entry: LogEntry): Promise<boolean> {
    const key = this.#keys.log(entry.sequence);
    try {
      await this.#store.put(key, encodeEntry(entry), { ifNoneMatch: '*' });
    } catch (error) {
      if (error instanceof PreconditionFailedError) return false;
      throw error;
    }
    if (await this.#follower.isBelowFloor(entry.sequence)) {
      await this.#store.delete(key);
      return false;
    }
    this.#follower.advance(entry);
    return true;
  }
}
