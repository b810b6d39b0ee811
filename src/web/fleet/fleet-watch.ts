import type { Clock } from '../../ports/clock.ts';
import { eventFrame } from '../http/event-stream.ts';
import type { FleetSample, FleetView } from './fleet-view.ts';

const SAMPLE_MS = 1000;
/** Five minutes. */
const SAMPLES_KEPT = 300;
/** Whoever comes back so soon, after a reload or a broken connection, finds the charts as they were. */
export const LINGER_MS = 10_000;

export interface FleetWatchOptions {
  readonly read: () => Promise<FleetView>;
  readonly clock: Clock;
  /** When it aborts nobody is told anything any more. */
  readonly closing: AbortSignal;
}

type Listener = (frame: Buffer) => void;

/**
 * Looks at the fleet once a second for however many watch it: each look becomes one piece of bytes that goes to all.
 * While nobody has watched for ten seconds it looks at nothing, since on AWS each look costs money.
 *
 * The events: `history` (samples so far, oldest first), `fleet` (when it changes), `sample` (every second).
 */
export class FleetWatch {
  readonly #options: FleetWatchOptions;
  readonly #listeners = new Set<Listener>();
  #samples: FleetSample[] = [];
  #fleet = '';
  #fleetFrame: Buffer | undefined;
  #isWatching = false;
  #lastWatchedAt = 0;

  constructor(options: FleetWatchOptions) {
    this.#options = options;
  }

  get watchers(): number {
    return this.#listeners.size;
  }

  /** The listener gets what is known at once and then every event, until it is disposed of. */
  watch(listener: Listener): Disposable {
    listener(eventFrame('history', { samples: this.#samples }));
    if (this.#fleetFrame !== undefined) listener(this.#fleetFrame);
    this.#listeners.add(listener);
    void this.#run();
    return {
      [Symbol.dispose]: () => {
        this.#listeners.delete(listener);
        this.#lastWatchedAt = this.#options.clock.monotonic();
      },
    };
  }

  async #run(): Promise<void> {
    if (this.#isWatching) return;
    this.#isWatching = true;
    const { clock, closing } = this.#options;
    let dueAt = clock.monotonic();
    while (this.#isWorthIt()) {
      await this.#look();
      // At an even pace, however long a look takes; one that took too long is not made up for.
      dueAt = Math.max(dueAt + SAMPLE_MS, clock.monotonic());
      await clock.sleep(dueAt - clock.monotonic(), closing);
    }
    this.#isWatching = false;
    this.#samples = [];
  }

  #isWorthIt(): boolean {
    if (this.#options.closing.aborted) return false;
    return this.#listeners.size > 0 || this.#options.clock.monotonic() - this.#lastWatchedAt < LINGER_MS;
  }

  async #look(): Promise<void> {
    const { fleet, sample } = await this.#options.read();
    this.#samples = [...this.#samples, sample].slice(-SAMPLES_KEPT);
    const text = JSON.stringify(fleet);
    if (text !== this.#fleet) {
      this.#fleet = text;
      this.#fleetFrame = eventFrame('fleet', fleet);
      this.#tell(this.#fleetFrame);
    }
    this.#tell(eventFrame('sample', sample));
  }

  #tell(frame: Buffer): void {
    for (const listener of this.#listeners) listener(frame);
  }
}
