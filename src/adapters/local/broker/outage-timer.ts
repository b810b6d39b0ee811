/** Ticks are counted, not time: a machine that slept all night comes back one tick later. */
const TICK_MS = 250;

/** Runs out after so many seconds of running time without the other side, and then stays so. */
export class OutageTimer {
  readonly #controller = new AbortController();
  readonly #maxTicks: number;
  #ticks = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor({ seconds }: { seconds: number }) {
    this.#maxTicks = Math.ceil((seconds * 1000) / TICK_MS);
  }

  /** Aborts when the time has run out. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get isRunning(): boolean {
    return this.#timer !== undefined;
  }

  /** The other side is gone. Does not keep the process alive. */
  start(): void {
    if (this.isRunning || this.signal.aborted) return;
    this.#ticks = 0;
    this.#timer = setInterval(() => this.#tick(), TICK_MS).unref();
  }

  /** It is back, or nobody cares any more. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    this.#ticks++;
    if (this.#ticks < this.#maxTicks) return;
    this.stop();
    this.#controller.abort();
  }
}
