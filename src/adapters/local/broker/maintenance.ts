import type { Logger } from '../../../logger.ts';
import type { BrokerDatabase } from './database.ts';
import type { QueueEngine } from './queue-engine.ts';

/** After this long without work the log is folded into the database and unused space given back. */
const IDLE_MS = 1000;
const EXPIRE_EVERY_MS = 60_000;
/** Messages that are deleted in one transaction when they expire. */
const EXPIRE_SLICE = 1000;

/** Housekeeping between requests, in slices, so that nobody waits long for it: expired messages, the log, unused pages. */
export class Maintenance implements Disposable {
  readonly #database: BrokerDatabase;
  readonly #engine: QueueEngine;
  readonly #logger: Logger;
  readonly #timers = new Map<'tidy' | 'expire', NodeJS.Timeout>();

  constructor(parts: { database: BrokerDatabase; engine: QueueEngine; logger: Logger }) {
    this.#database = parts.database;
    this.#engine = parts.engine;
    this.#logger = parts.logger;
    this.#later('expire', EXPIRE_EVERY_MS);
    this.noteWork();
  }

  /** Puts tidying off: there is something better to do. */
  noteWork(): void {
    const timer = this.#timers.get('tidy');
    if (timer === undefined) this.#later('tidy', IDLE_MS);
    else timer.refresh();
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }

  #later(chore: 'tidy' | 'expire', afterMs: number): void {
    this.#timers.set(chore, setTimeout(() => this.#run(chore), afterMs).unref());
  }

  #run(chore: 'tidy' | 'expire'): void {
    this.#timers.delete(chore);
    try {
      if (chore === 'tidy') this.#tidy();
      else this.#expire();
    } catch (error) {
      // What fails here fails the requests too, and they tell their callers.
      this.#logger.error({ err: error, chore }, 'housekeeping failed');
      if (chore === 'expire') this.#later('expire', EXPIRE_EVERY_MS);
    }
  }

  #tidy(): void {
    const hasMore = this.#database.shrink();
    this.#database.checkpoint();
    if (hasMore) this.#later('tidy', 0);
  }

  #expire(): void {
    const hasMore = this.#database.transaction(() => this.#engine.expire(EXPIRE_SLICE));
    this.noteWork();
    this.#later('expire', hasMore ? 0 : EXPIRE_EVERY_MS);
  }
}
