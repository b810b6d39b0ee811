import type { Clock } from '../ports/clock.ts';

/** So long may everybody stand still before somebody has to go: the slowest, and all that sent less than this meanwhile. */
const STUCK_MS = 2000;
const SLOW_BYTES = 32 * 1024;

export interface ByteBudgetOptions {
  readonly totalBytes: number;
  /** The most that one claim may come to hold. */
  readonly largestClaimBytes: number;
  readonly clock: Clock;
}

interface Waiter {
  readonly claim: BudgetClaim;
  readonly bytes: number;
  readonly grant: () => void;
}

/**
 * Memory that all uploads in flight share. Who asks for more than there is waits, first come, first served, and
 * doesn't read from its socket meanwhile.
 *
 * Many half-received uploads can't block each other for good: the size of one whole upload is held back, and when
 * the rest is used up, the one that has waited longest, the *favourite*, draws on that reserve until it is done. Nor
 * can clients that send slowly on purpose: when nothing was granted for two seconds while somebody waits, the
 * slowest senders are evicted. Claims grow as bytes arrive, so that an upload which sends nothing holds nothing.
 */
export class ByteBudget {
  readonly #options: ByteBudgetOptions;
  readonly #claims = new Set<BudgetClaim>();
  readonly #waiters: Waiter[] = [];
  #favourite: BudgetClaim | undefined;
  #usedBytes = 0;
  #grants = 0;
  #watching: AbortController | undefined;

  constructor(options: ByteBudgetOptions) {
    this.#options = options;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get waiting(): number {
    return this.#waiters.length;
  }

  /** A claim on nothing yet. `evict` is called at most once, when it has to give way; it should dispose of the claim. */
  open(evict: () => void): BudgetClaim {
    const { clock } = this.#options;
    const claim = new BudgetClaim(clock, evict, {
      grow: (bytes, signal) => this.#grow(claim, bytes, signal),
      close: () => this.#close(claim),
    });
    this.#claims.add(claim);
    return claim;
  }

  async #grow(claim: BudgetClaim, bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#waiters.length === 0 || claim === this.#favourite) {
      if (this.#take(claim, bytes)) return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { claim, bytes, grant: resolve };
    const giveUp = () => {
      // At once, or what is freed next would go to somebody who is gone.
      this.#remove(waiter);
      reject(signal.reason);
    };
    signal.addEventListener('abort', giveUp, { once: true });
    this.#waiters.push(waiter);
    claim.waitsSince = this.#options.clock.monotonic();
    this.#settle();
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', giveUp);
      claim.endWait();
    }
  }

  #take(claim: BudgetClaim, bytes: number): boolean {
    if (this.#usedBytes + bytes > this.#limitFor(claim)) return false;
    this.#usedBytes += bytes;
    this.#grants++;
    claim.heldBytes += bytes;
    return true;
  }

  /** Grants what can be granted, in order. */
  #settle(): void {
    for (let next = this.#waiters[0]; next !== undefined; next = this.#waiters[0]) {
      if (this.#grant(next)) continue;
      if (this.#favourite !== undefined) break;
      this.#favourite = next.claim;
    }
    const favoured = this.#waiters.find(({ claim }) => claim === this.#favourite);
    if (favoured !== undefined) this.#grant(favoured);
    this.#watch();
  }

  #grant(waiter: Waiter): boolean {
    if (!this.#take(waiter.claim, waiter.bytes)) return false;
    this.#drop(waiter);
    waiter.grant();
    return true;
  }

  /** What may be in use once the claim has grown: what the favourite may still need is not for others. */
  #limitFor(claim: BudgetClaim): number {
    const { totalBytes, largestClaimBytes } = this.#options;
    if (claim === this.#favourite) return totalBytes;
    return totalBytes - largestClaimBytes + (this.#favourite?.heldBytes ?? 0);
  }

  #drop(waiter: Waiter): boolean {
    const index = this.#waiters.indexOf(waiter);
    if (index >= 0) this.#waiters.splice(index, 1);
    return index >= 0;
  }

  #remove(waiter: Waiter): void {
    // A waiter that gave up may have stood in the way of those behind it.
    if (this.#drop(waiter)) this.#settle();
  }

  #close(claim: BudgetClaim): void {
    if (!this.#claims.delete(claim)) return;
    this.#usedBytes -= claim.heldBytes;
    if (this.#favourite === claim) this.#favourite = undefined;
    this.#settle();
  }

  #watch(): void {
    if (this.#waiters.length === 0) {
      this.#watching?.abort();
      this.#watching = undefined;
    } else if (this.#watching === undefined) {
      this.#watching = new AbortController();
      void this.#evictWhileStuck(this.#watching.signal);
    }
  }

  async #evictWhileStuck(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const grants = this.#grants;
      const before = new Map([...this.#claims].map((claim) => [claim, claim.receivedBytes]));
      await this.#options.clock.sleep(STUCK_MS, signal);
      if (signal.aborted || grants !== this.#grants) continue;
      for (const claim of this.#slowestSince(before)) claim.evict();
    }
  }

  #slowestSince(before: ReadonlyMap<BudgetClaim, number>): BudgetClaim[] {
    return [...before]
      .filter(([claim]) => claim.isReceiving && claim.heldBytes > 0)
      .map(([claim, bytes]) => ({ claim, progress: claim.receivedBytes - bytes }))
      .sort((one, other) => one.progress - other.progress)
      .filter(({ progress }, index) => index === 0 || progress < SLOW_BYTES)
      .map(({ claim }) => claim);
  }
}

/** What one upload holds of the budget. */
export class BudgetClaim implements Disposable {
  /** Kept by the budget. */
  heldBytes = 0;
  /** Kept by the budget: since when it waits, on the monotonic clock. */
  waitsSince: number | undefined;
  readonly #clock: Clock;
  readonly #calls: { grow(bytes: number, signal: AbortSignal): Promise<void>; close(): void };
  readonly #evict: () => void;
  #waitedMs = 0;
  #receivedBytes = 0;
  #isOver = false;

  constructor(
    clock: Clock,
    evict: () => void,
    calls: { grow(bytes: number, signal: AbortSignal): Promise<void>; close(): void },
  ) {
    this.#clock = clock;
    this.#evict = evict;
    this.#calls = calls;
  }

  /** Resolves when these bytes more are granted; rejects with the signal's reason. */
  grow(bytes: number, signal: AbortSignal): Promise<void> {
    return this.#calls.grow(bytes, signal);
  }

  /** Bytes came in. */
  received(bytes: number): void {
    this.#receivedBytes += bytes;
  }

  /** Nothing more will come; from now on it is in our hands and not evicted. */
  complete(): void {
    this.#isOver = true;
  }

  /** Whether it is the client's turn: bytes are missing and we would take them. */
  get isReceiving(): boolean {
    return !this.#isOver && this.waitsSince === undefined;
  }

  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** How long it has waited for the budget in all. */
  get waitedMs(): number {
    const current = this.waitsSince === undefined ? 0 : this.#clock.monotonic() - this.waitsSince;
    return this.#waitedMs + current;
  }

  endWait(): void {
    this.#waitedMs = this.waitedMs;
    this.waitsSince = undefined;
  }

  evict(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#evict();
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#calls.close();
  }
}
