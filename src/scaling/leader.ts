import { randomBytes } from 'node:crypto';
import { errorCode, errorMessage, FacefleetError } from '../errors.ts';
import { leaderKey } from '../jobs/keys.ts';
import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { LeaderRecord } from './heartbeat.ts';
import type { ScalingTimings } from './timings.ts';

const RECORD_VERSION = 1;
const STANDBY_LOOK_MS = 500;
/** No clocks are that far apart: a lease that ended so long ago need not be watched. */
const LONG_OVER_MS = 10 * 60_000;

export interface LeadershipOptions {
  readonly state: ObjectStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly timings: ScalingTimings;
  readonly controllerId: string;
  /** Where this controller listens, `http://host:port`, and what callers must show it. */
  readonly address: string;
  readonly token: string;
  /** Whether it is certain that the leader of this record has gone, so that its lease need not be waited for. */
  readonly isDeserted: (record: LeaderRecord) => Promise<boolean>;
}

/** Leadership for a while. */
export interface Lease extends AsyncDisposable {
  readonly epoch: number;
  /** Enough of it is left to change something. */
  mayChange(): boolean;
  /** Aborts when another leads, or could. */
  readonly lost: AbortSignal;
}

export const newToken = (): string => randomBytes(32).toString('base64url');

/** @throws FacefleetError `data-corrupt` */
export function parseLeaderRecord(text: string): LeaderRecord {
  const value: Partial<LeaderRecord> = JSON.parse(text);
  if (
    typeof value.address !== 'string' ||
    typeof value.epoch !== 'number' ||
    typeof value.token !== 'string'
  ) {
    throw new FacefleetError('data-corrupt', 'the leader record lacks address, epoch or token', {
      context: { key: leaderKey },
    });
  }
  return value as LeaderRecord;
}

/**
 * Waits until this controller leads. Who leads is `controller/leader.json`, replaced only by who has read its present
 * version, so one writer wins; the lease keeps controllers from fighting over it.
 *
 * @returns undefined when the signal aborted first.
 */
export async function acquireLeadership(
  options: LeadershipOptions,
  signal: AbortSignal,
): Promise<Lease | undefined> {
  const { clock, logger } = options;
  const watch = new LeaseWatch(options);
  while (!signal.aborted) {
    try {
      const lease = await tryToLead(options, watch);
      if (lease !== undefined) return lease;
    } catch (error) {
      logger.warn({ error: errorMessage(error) }, 'cannot look who leads; trying again');
    }
    await clock.sleep(STANDBY_LOOK_MS, signal);
  }
  return undefined;
}

async function tryToLead(options: LeadershipOptions, watch: LeaseWatch): Promise<Lease | undefined> {
  const current = await readLeader(options.state);
  if (current !== undefined && !(await isFree(current, options, watch))) return undefined;
  const lease = new HeldLease(options, (current?.record.epoch ?? 0) + 1);
  return (await lease.take(current?.etag)) ? lease : undefined;
}

/** Over, or our own from before an answer was lost, or a dead controller's. */
async function isFree(current: ReadRecord, options: LeadershipOptions, watch: LeaseWatch): Promise<boolean> {
  const { record } = current;
  const isKnownFree = watch.isOver(current) || record.controllerId === options.controllerId;
  return isKnownFree || (await options.isDeserted(record));
}

interface ReadRecord {
  readonly record: LeaderRecord;
  readonly etag: string;
}

async function readLeader(state: ObjectStore): Promise<ReadRecord | undefined> {
  const stored = await state.get(leaderKey);
  if (stored === undefined) return undefined;
  return { record: parseLeaderRecord((await stored.bytes()).toString('utf8')), etag: stored.info.etag };
}

/** Tells when another's lease is over without trusting its clock: when it was not renewed for its whole length. */
class LeaseWatch {
  readonly #clock: Clock;
  readonly #leaseMs: number;
  #seen: { etag: string; at: number } | undefined;

  constructor({ clock, timings }: LeadershipOptions) {
    this.#clock = clock;
    this.#leaseMs = timings.leaseMs;
  }

  isOver({ record, etag }: ReadRecord): boolean {
    const at = this.#clock.monotonic();
    if (this.#seen?.etag !== etag) this.#seen = { etag, at };
    const isLongOver = this.#clock.now() - record.leaseUntil > LONG_OVER_MS;
    return isLongOver || at - this.#seen.at > this.#leaseMs;
  }
}

class HeldLease implements Lease {
  readonly epoch: number;
  readonly #options: LeadershipOptions;
  readonly #lost = new AbortController();
  readonly #stopped = new AbortController();
  #etag: string | undefined;
  /** By both clocks: one may stand still while the machine sleeps, the other may be set. */
  #until = { monotonic: 0, now: 0 };
  #renewing: Promise<void> = Promise.resolve();

  constructor(options: LeadershipOptions, epoch: number) {
    this.#options = options;
    this.epoch = epoch;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  mayChange(): boolean {
    const { clock, timings } = this.#options;
    return (
      !this.#lost.signal.aborted &&
      clock.monotonic() < this.#until.monotonic - timings.leaseMarginMs &&
      clock.now() < this.#until.now - timings.leaseMarginMs
    );
  }

  /** Whether the lease was there to be taken. */
  async take(etag: string | undefined): Promise<boolean> {
    this.#etag = etag;
    if (!(await this.#write())) return false;
    this.#renewing = this.#keepRenewing();
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped.abort();
    await this.#renewing;
    if (this.#lost.signal.aborted) return;
    this.#lost.abort();
    // Given back, so that the next leader need not wait.
    await this.#put(0);
  }

  async #keepRenewing(): Promise<void> {
    const { clock, timings, logger } = this.#options;
    const stopped = this.#stopped.signal;
    let waitMs = timings.renewMs;
    for (;;) {
      await clock.sleep(waitMs, stopped);
      if (stopped.aborted) return;
      try {
        if (!(await this.#write())) {
          logger.warn({ epoch: this.epoch }, 'another controller leads now');
          this.#lost.abort();
          return;
        }
        waitMs = timings.renewMs;
      } catch (error) {
        logger.warn({ error: errorMessage(error) }, 'cannot renew the lease; trying again');
        waitMs = timings.renewMs / 5;
      }
    }
  }

  /** False when somebody else has written the record. */
  async #write(): Promise<boolean> {
    const { clock, timings } = this.#options;
    // From before the call: it may take long.
    const until = {
      monotonic: clock.monotonic() + timings.leaseMs,
      now: clock.now() + timings.leaseMs,
    };
    if (!(await this.#put(until.now))) return false;
    this.#until = until;
    return true;
  }

  async #put(leaseUntil: number): Promise<boolean> {
    const { state, address, token, controllerId } = this.#options;
    const record: LeaderRecord = {
      version: RECORD_VERSION,
      address,
      epoch: this.epoch,
      token,
      controllerId,
      leaseUntil,
    };
    try {
      const { etag } = await state.put(leaderKey, Buffer.from(JSON.stringify(record)), {
        contentType: 'application/json',
        ...(this.#etag === undefined ? { ifNoneMatch: '*' as const } : { ifMatch: this.#etag }),
      });
      this.#etag = etag;
      return true;
    } catch (error) {
      if (errorCode(error) === 'precondition-failed') return false;
      throw error;
    }
  }
}
