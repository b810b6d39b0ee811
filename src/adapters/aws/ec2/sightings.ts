import type { Clock } from '../../../ports/clock.ts';
import type { Instance } from '../../../ports/fleet.ts';
import type { SeenInstance } from './seen-instance.ts';

export interface SightingsOptions {
  /** Asks EC2 for all instances of the fleet. */
  readonly look: () => Promise<readonly SeenInstance[]>;
  readonly clock: Clock;
  /** No two looks within so many milliseconds. */
  readonly lookEveryMs: number;
}

/** EC2's describing calls are "eventually consistent": for about so long they may miss what was just launched. */
const FRESH_MS = 60_000;

interface Fresh {
  seen: SeenInstance;
  readonly until: number;
}

/**
 * What EC2 shows of the fleet, asked at most every two seconds however many want to know, and completed by what this
 * process has launched within the last minute.
 */
export class Sightings {
  readonly #options: SightingsOptions;
  readonly #fresh = new Map<string, Fresh>();
  #last: ReadonlyMap<string, SeenInstance> = new Map();
  #nextLookAt = 0;
  #looking: Promise<void> | undefined;

  constructor(options: SightingsOptions) {
    this.#options = options;
  }

  async all(): Promise<Instance[]> {
    if (this.#options.clock.monotonic() >= this.#nextLookAt) await this.#lookOnce();
    this.#forgetOld();
    const missed = [...this.#fresh].filter(([id]) => !this.#last.has(id)).map(([, { seen }]) => seen);
    return [...this.#last.values(), ...missed].map(({ instance }) => instance);
  }

  /** Without asking EC2. */
  find(id: string): SeenInstance | undefined {
    return this.#last.get(id) ?? this.#fresh.get(id)?.seen;
  }

  /** Of a launch that EC2 has just answered. */
  remember(launched: SeenInstance): void {
    const { id } = launched.instance;
    if (this.#fresh.has(id)) return;
    this.#fresh.set(id, { seen: launched, until: this.#options.clock.monotonic() + FRESH_MS });
  }

  #lookOnce(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { look, clock, lookEveryMs } = this.#options;
    const at = clock.monotonic();
    const seen = await look();
    this.#last = new Map(seen.map((one) => [one.instance.id, one]));
    this.#nextLookAt = at + lookEveryMs;
    for (const [id, fresh] of this.#fresh) fresh.seen = this.#last.get(id) ?? fresh.seen;
  }

  #forgetOld(): void {
    const at = this.#options.clock.monotonic();
    for (const [id, { until }] of this.#fresh) if (until <= at) this.#fresh.delete(id);
  }
}
