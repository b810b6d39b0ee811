import { errorMessage } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';
import type { Fleet } from '../ports/fleet.ts';
import type { Queue } from '../ports/queue.ts';
import type { CallGates } from './call-gates.ts';
import type { Sight } from './observation.ts';
import type { ScalingTimings } from './timings.ts';
import { TroubleLog } from './trouble-log.ts';

export interface SightingOptions {
  readonly fleet: Fleet;
  readonly requests: Queue;
  readonly gates: CallGates;
  readonly timings: ScalingTimings;
  readonly clock: Clock;
  readonly logger: Logger;
}

const MESSAGES = { list: 'observing the fleet', depth: 'observing the queue' };

/** Looks at fleet and queue. What does not tell is undefined: nothing may be concluded from it. */
export class Sighting {
  readonly #options: SightingOptions;
  readonly #troubles: TroubleLog;
  readonly #last = new Map<'list' | 'depth', { seen: unknown; at: number }>();

  constructor(options: SightingOptions) {
    this.#options = options;
    this.#troubles = new TroubleLog(options.logger);
  }

  async look(): Promise<Sight> {
    const { fleet, requests } = this.#options;
    const [instances, queue] = await Promise.all([
      this.#see('list', () => fleet.list()),
      this.#see('depth', () => requests.depth()),
    ]);
    return { instances, queue };
  }

  async #see<T>(kind: 'list' | 'depth', act: () => Promise<T>): Promise<T | undefined> {
    const { gates, clock } = this.#options;
    if (!gates.mayCall(kind)) return this.#recent<T>(kind);
    const at = clock.monotonic();
    try {
      const seen = await gates.call(kind, act);
      this.#last.set(kind, { seen, at });
      this.#troubles.works(MESSAGES[kind]);
      return seen;
    } catch (error) {
      this.#troubles.fails(MESSAGES[kind], errorMessage(error));
      return undefined;
    }
  }

  /** Rounds that are woken oftener than calls are allowed see what the one before saw, but not what failed since. */
  #recent<T>(kind: 'list' | 'depth'): T | undefined {
    const { gates, clock, timings } = this.#options;
    const last = this.#last.get(kind);
    const isUsable =
      last !== undefined && !gates.isBackingOff(kind) && clock.monotonic() - last.at <= timings.roundMs;
    return isUsable ? (last.seen as T) : undefined;
  }
}
