import { errorCode } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';
import type { CallGates } from './call-gates.ts';
import type { FleetState, FleetStateStore, SlotRecord } from './fleet-state.ts';
import { withSlot } from './fleet-state.ts';
import type { Lease } from './leader.ts';
import type { ScalingTimings } from './timings.ts';

export interface LedgerOptions {
  readonly store: FleetStateStore;
  readonly lease: Pick<Lease, 'epoch' | 'mayChange'>;
  readonly gates: CallGates;
  readonly timings: ScalingTimings;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The books in one leader's hands: read once, replaced only if nobody else has, read again when somebody has. */
export class Ledger {
  readonly #options: LedgerOptions;
  #books: { state: FleetState; etag: string | undefined } | undefined;
  #written: FleetState | undefined;
  #savedEssence = '';
  #lookedAt = 0;

  constructor(options: LedgerOptions) {
    this.#options = options;
  }

  /** As they are now: written down, and what came of the actions since. */
  get state(): FleetState | undefined {
    return this.#books?.state;
  }

  /** As they were last written by this leader, which its orders follow. */
  get written(): FleetState | undefined {
    return this.#written;
  }

  /** Undefined when they cannot be had now, or are a newer leader's. `onRead` gets what was read from the store. */
  async read(onRead: (state: FleetState) => void): Promise<FleetState | undefined> {
    await this.#lookWhetherChanged();
    if (this.#books !== undefined) return this.#books.state;
    const { store, lease, gates, logger } = this.#options;
    if (!gates.mayCall('read books')) return undefined;
    const books = await gates.call('read books', () => store.load());
    if (books.state.epoch > lease.epoch) {
      logger.warn({ epoch: lease.epoch, newerEpoch: books.state.epoch }, 'a newer controller has taken over');
      return undefined;
    }
    this.#books = books;
    this.#lookedAt = this.#options.clock.monotonic();
    onRead(books.state);
    return books.state;
  }

  /**
   * Writes down what is intended, if anything that matters has changed. False when that cannot be done now, or
   * somebody else has written meanwhile, or may have: then nothing of it may be acted upon.
   */
  async write(state: FleetState): Promise<boolean> {
    const { store, lease, gates, logger } = this.#options;
    const etag = this.#books?.etag;
    const essence = essenceOf(state);
    if (etag !== undefined && essence === this.#savedEssence) {
      this.#books = { state, etag };
      return true;
    }
    if (!lease.mayChange() || !gates.mayCall('write books')) return false;
    // Until the call has succeeded it is unknown what is stored.
    this.#books = undefined;
    this.#savedEssence = '';
    try {
      this.#books = { state, etag: await gates.call('write books', () => store.save(state, etag)) };
    } catch (error) {
      if (errorCode(error) !== 'precondition-failed') throw error;
      logger.info('the fleet state was changed by another; reading it again');
      return false;
    }
    this.#written = state;
    this.#savedEssence = essence;
    this.#lookedAt = this.#options.clock.monotonic();
    return true;
  }

  /** What came of an action; written down with the next round, since it can be found out again. */
  note(record: SlotRecord): void {
    if (this.#books !== undefined) this.#books.state = withSlot(this.#books.state, record);
  }

  /** An operator may have, or a newer leader. */
  async #lookWhetherChanged(): Promise<void> {
    const { clock, timings, gates, store } = this.#options;
    const at = clock.monotonic();
    if (this.#books === undefined || at - this.#lookedAt < timings.booksLookMs) return;
    if (!gates.mayCall('read books')) return;
    const { etag } = this.#books;
    const isCurrent = await gates.call('read books', () => store.isCurrent(etag));
    this.#lookedAt = at;
    if (isCurrent) return;
    this.#books = undefined;
    this.#savedEssence = '';
  }
}

/** What must not be lost; the rest is learnt again, or follows from it. */
function essenceOf(state: FleetState): string {
  return JSON.stringify({ ...state, serviceSeconds: 0, boots: 0, spending: 0 });
}
