import type { StatementSync } from 'node:sqlite';
import type { BrokerDatabase } from './database.ts';

/** How far the stored time may lag behind. */
const SAVE_EVERY_MS = 1000;

/**
 * The time that deadlines in the database are measured in.
 *
 * Within a run it is the monotonic clock, so setting the machine's clock neither releases nor strands a message, and
 * (where the system's monotonic clock stops in sleep, as on Linux) a laptop that sleeps does not time out the work it
 * holds. Across runs it continues from where it was saved, plus what the wall clock says has passed since, never less
 * than nothing: after a jump backwards messages come at most as late as their timeout says.
 */
export class BrokerClock {
  /** How long ago, by the wall clock, the time was last stored before this run; infinite in a new database. */
  readonly savedAgoMs: number;
  readonly #startedAt: number;
  readonly #baseMs: number;
  readonly #save: StatementSync;
  #savedAt = Number.NEGATIVE_INFINITY;

  constructor(database: BrokerDatabase) {
    const saved = database.prepare('SELECT broker_ms, wall_ms FROM clock').get();
    const wallMs = Date.now();
    this.savedAgoMs =
      saved === undefined ? Number.POSITIVE_INFINITY : Math.max(0, wallMs - Number(saved.wall_ms));
    this.#baseMs = saved === undefined ? wallMs : Number(saved.broker_ms) + this.savedAgoMs;
    this.#startedAt = performance.now();
    this.#save = database.prepare(
      'INSERT OR REPLACE INTO clock (only_row, broker_ms, wall_ms) VALUES (1, ?, ?)',
    );
  }

  /** Whole milliseconds; never goes back. */
  now(): number {
    return Math.floor(this.#baseMs + performance.now() - this.#startedAt);
  }

  /** A time of this clock in milliseconds since the epoch, as the wall clock counts today. */
  toWall(brokerMs: number): number {
    return Date.now() - (this.now() - brokerMs);
  }

  /** Stores the time if the stored one is old. */
  saveNowAndThen(): void {
    if (this.now() - this.#savedAt >= SAVE_EVERY_MS) this.save();
  }

  save(): void {
    const now = this.now();
    this.#save.run(now, Date.now());
    this.#savedAt = now;
  }
}
