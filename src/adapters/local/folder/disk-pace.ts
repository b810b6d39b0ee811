/** Below this, waiting for a sync costs a process less than handing it to the thread pool and being told. */
const QUICK_MS = 1;
const STEP = 1.1;

/**
 * How long syncs take here: about their median, which moves by a tenth with each, so that a few slow ones (the disk was busy, or
 * the processor) change little and some twenty in a row change everything.
 *
 * On disks of today (0.2 ms) a sync is waited for where it is called; on slow ones the thread pool does it and the
 * thread goes on. Measured with all processors taken: waiting saves two thirds of the switches between threads.
 */
export class DiskPace {
  // Slow until shown otherwise.
  #medianMs = 4 * QUICK_MS;

  get isQuick(): boolean {
    return this.#medianMs < QUICK_MS;
  }

  note(syncMs: number): void {
    this.#medianMs *= syncMs > this.#medianMs ? STEP : 1 / STEP;
  }
}

/** Of this process: its data lies on one disk. */
export const diskPace = new DiskPace();
