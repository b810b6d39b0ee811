import type { VirtualTime } from './virtual-time.ts';

export type Fate = 'before' | 'after';

/** How a controller's life is to be interrupted. */
export interface Interruption {
  /** Counted from when it is told. */
  readonly inCalls: number;
  /** The call under way then is not begun, or carried out and its answer lost. */
  readonly fate: Fate;
  /** Frozen for so long; null: killed. */
  readonly frozenMs: number | null;
}

const NEVER = new Promise<never>(() => {});

/**
 * A process as far as its calls are concerned. All that it awaits are calls to others, so a kill at any of them is a
 * kill at any instruction that matters.
 */
export class Life {
  readonly #time: VirtualTime;
  readonly #latencyMs: () => number;
  isDead = false;
  #isSpared = false;
  #resumed: Promise<void> | undefined;
  #interruption: (Interruption & { leftCalls: number }) | undefined;

  constructor(time: VirtualTime, latencyMs: () => number) {
    this.#time = time;
    this.#latencyMs = latencyMs;
  }

  get isFrozen(): boolean {
    return this.#resumed !== undefined;
  }

  interrupt(interruption: Interruption): void {
    this.#interruption = { ...interruption, leftCalls: interruption.inCalls };
  }

  kill(): void {
    this.isDead = true;
  }

  /** No interruption is to come any more. */
  spare(): void {
    this.#isSpared = true;
    this.#interruption = undefined;
  }

  /** What it waits for before it does anything more. */
  gate(): Promise<void> | undefined {
    return this.isDead ? NEVER : this.#resumed;
  }

  async call<T>(act: () => T | Promise<T>): Promise<T> {
    const fate = this.#countDown();
    if (fate?.when === 'before') this.#halt(fate.frozenMs);
    await this.#pass();
    const latencyMs = this.#latencyMs();
    if (latencyMs > 0) await this.#time.sleep(latencyMs);
    await this.#pass();
    try {
      return await act();
    } finally {
      if (fate?.when === 'after') this.#halt(fate.frozenMs);
      await this.#pass();
    }
  }

  #countDown(): { when: Fate; frozenMs: number | null } | undefined {
    const interruption = this.#interruption;
    if (interruption === undefined || --interruption.leftCalls > 0) return undefined;
    this.#interruption = undefined;
    return { when: interruption.fate, frozenMs: interruption.frozenMs };
  }

  #halt(frozenMs: number | null): void {
    if (this.#isSpared) return;
    if (frozenMs === null) {
      this.isDead = true;
      return;
    }
    this.#resumed = this.#time.sleep(frozenMs).then(() => {
      this.#resumed = undefined;
    });
  }

  async #pass(): Promise<void> {
    for (let gate = this.gate(); gate !== undefined; gate = this.gate()) await gate;
  }
}
