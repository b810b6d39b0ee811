import type { Logger } from '../../../logger.ts';
import type { BrokerDatabase } from './database.ts';
import type { QueueEngine } from './queue-engine.ts';

/** After this long without work everything is tidied up. */
const IDLE_MS = 1000;
/** Where there is always work, messages are swept all the same. */
const SWEEP_EVERY_MS = 60_000;
/** Messages of a queue that are deleted in one transaction. */
const SWEEP_SLICE = 1000;

/** Housekeeping between requests, in slices, so that nobody waits long for it: messages that go, the log, unused pages. */
export class Maintenance implements Disposable {
  readonly #database: BrokerDatabase;
  readonly #engine: QueueEngine;
  readonly #logger: Logger;
  readonly #timers = new Map<'tidy' | 'sweep', NodeJS.Timeout>();

  constructor(parts: { database: BrokerDatabase; engine: QueueEngine; logger: Logger }) {
    this.#database = parts.database;
    this.#engine = parts.engine;
    this.#logger = parts.logger;
    this.#later('sweep', SWEEP_EVERY_MS);
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

  #later(chore: 'tidy' | 'sweep', afterMs: number): void {
    clearTimeout(this.#timers.get(chore));
    this.#timers.set(chore, setTimeout(() => this.#run(chore), afterMs).unref());
  }

  #run(chore: 'tidy' | 'sweep'): void {
    this.#timers.delete(chore);
    try {
      if (chore === 'tidy') this.#tidy();
      else this.#later('sweep', this.#sweepSlice() ? 0 : SWEEP_EVERY_MS);
    } catch (error) {
      // What fails here fails the requests too, and they tell their callers.
      this.#logger.error({ err: error, chore }, 'housekeeping failed');
      this.#later('sweep', SWEEP_EVERY_MS);
    }
  }

  /** Folds the log into the database, sweeps, and gives unused space back, a slice each. */
  #tidy(): void {
    const isSwept = !this.#sweepSlice();
    const isShrunk = !this.#database.shrink();
    this.#database.checkpoint();
    if (!isSwept || !isShrunk) this.#later('tidy', 0);
  }

  /** True while there may be more to sweep. */
  #sweepSlice(): boolean {
    return this.#database.transaction({ mustLast: true }, () => this.#engine.sweep(SWEEP_SLICE));
  }
}
