import { errorMessage } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';
import type { Fleet, Instance } from '../ports/fleet.ts';
import type { Queue, QueueDepth } from '../ports/queue.ts';
import type { CallGates } from './call-gates.ts';
import type { Sight } from './observation.ts';
import type { ScalingTimings } from './timings.ts';
import { TroubleLog } from './trouble-log.ts';

export interface SightingOptions {
  readonly fleet: Fleet;
  readonly requests: Pick<Queue, 'depth' | 'countsExactly'>;
  readonly gates: CallGates;
  readonly timings: ScalingTimings;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Seen<T> {
  readonly what: T;
  /** When it was asked for, by the monotonic clock: it is no younger than that. */
  readonly at: number;
}

/** Undefined: that part did not tell. */
export interface Look {
  readonly instances: Seen<Instance[]> | undefined;
  readonly queue: Seen<QueueDepth> | undefined;
}

const MESSAGES = { list: 'observing the fleet', depth: 'observing the queue' };

/** Looks at fleet and queue. What does not tell is undefined: nothing may be concluded from it. */
export class Sighting {
  readonly #options: SightingOptions;
  readonly #troubles: TroubleLog;
  readonly #last = new Map<'list' | 'depth', Seen<unknown>>();

  constructor(options: SightingOptions) {
    this.#options = options;
    this.#troubles = new TroubleLog(options.logger);
  }

  async look(): Promise<Look> {
    const { fleet, requests } = this.#options;
    const [instances, queue] = await Promise.all([
      this.#see('list', () => fleet.list()),
      this.#see('depth', () => requests.depth()),
    ]);
    return { instances, queue };
  }

  /** What of it is not too old by now: a process that was frozen meanwhile knows nothing of the present. */
  stillTrue({ instances, queue }: Look): Sight & { readonly listedAt: number } {
    const { clock, timings } = this.#options;
    const now = clock.monotonic();
    const ifRecent = <T>(seen: Seen<T> | undefined) =>
      seen !== undefined && now - seen.at <= timings.staleMs ? seen.what : undefined;
    return { instances: ifRecent(instances), queue: ifRecent(queue), listedAt: instances?.at ?? now };
  }

  async #see<T>(kind: 'list' | 'depth', act: () => Promise<T>): Promise<Seen<T> | undefined> {
    const { gates, clock } = this.#options;
    if (!gates.mayCall(kind)) return this.#recent<T>(kind);
    const at = clock.monotonic();
    try {
      const seen = { what: await gates.call(kind, act), at };
      this.#last.set(kind, seen);
      this.#troubles.works(MESSAGES[kind]);
      return seen;
    } catch (error) {
      this.#troubles.fails(MESSAGES[kind], errorMessage(error));
      return undefined;
    }
  }

  /** Rounds that are woken oftener than calls are allowed see what the one before saw, but not what failed since. */
  #recent<T>(kind: 'list' | 'depth'): Seen<T> | undefined {
    const { gates, clock, timings } = this.#options;
    const last = this.#last.get(kind);
    const isUsable =
      last !== undefined && !gates.isBackingOff(kind) && clock.monotonic() - last.at <= timings.roundMs;
    return isUsable ? (last as Seen<T>) : undefined;
  }
}
