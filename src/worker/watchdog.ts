import type { Clock } from '../ports/clock.ts';
import type { Ending } from './ending.ts';
import type { Galleries } from './galleries.ts';
import { HEARTBEAT_SECONDS, type HeartbeatClient } from './heartbeat-client.ts';
import type { InHand } from './in-hand.ts';

const CHECK_SECONDS = 1;
/** Without a controller and without work for this long, a worker ends by itself: nobody else would. */
const ORPHANED_AFTER_MS = 600_000;
/** The largest picture takes some seconds, two isolated crashes a minute and a half. */
const STUCK_AFTER_MS = 180_000;
/** Beats that may go wrong before a worker looks for gallery changes itself. */
const SILENT_AFTER_MS = 2.5 * HEARTBEAT_SECONDS * 1000;

export interface WatchdogOptions {
  readonly inHand: InHand;
  readonly heartbeats: HeartbeatClient;
  readonly galleries: Galleries;
  readonly ending: Ending;
  /** Without the galleries. */
  readonly memoryBytes: number;
  readonly clock: Clock;
  /** The memory of this process. */
  readonly residentBytes: () => number;
}

/** Looks every second whether the worker is still fit: neither too large, nor of the wrong pack, nor stuck, nor forgotten by its controller. */
export class Watchdog implements AsyncDisposable {
  readonly #options: WatchdogOptions;
  readonly #stop = new AbortController();
  readonly #watching: Promise<void>;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#watching = this.#watch();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    for (;;) {
      await this.#options.clock.sleep(CHECK_SECONDS * 1000, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      this.#checkMemory();
      this.#checkPack();
      this.#checkProgress();
      await this.#checkController();
    }
  }

  #checkMemory(): void {
    const { galleries, ending, memoryBytes, residentBytes } = this.#options;
    const used = residentBytes();
    const ceiling = memoryBytes + galleries.residentBytes;
    if (used > ceiling) ending.drain('memory', { residentBytes: used, ceilingBytes: ceiling });
  }

  #checkPack(): void {
    const { galleries, ending } = this.#options;
    const { packId, watch } = galleries.main;
    const { activePack = packId } = watch.replica;
    if (activePack !== packId) ending.drain('pack', { packId, activePack });
  }

  #checkProgress(): void {
    const { inHand, ending } = this.#options;
    const workMs = Math.round(inHand.longestWorkMs);
    if (workMs > STUCK_AFTER_MS) ending.leave('stuck', { workMs });
  }

  async #checkController(): Promise<void> {
    const { inHand, heartbeats, galleries, ending, clock } = this.#options;
    const silentMs = clock.monotonic() - heartbeats.lastContactAt;
    if (silentMs > SILENT_AFTER_MS) await galleries.main.watch.freshen();
    const { idleMs } = inHand;
    if (Math.min(silentMs, idleMs) > ORPHANED_AFTER_MS) ending.drain('orphaned', { silentMs, idleMs });
  }
}
