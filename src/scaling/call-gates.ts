import { isTransient } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import { backoffMs, type ScalingTimings } from './timings.ts';

/** What a controller calls others for. Each kind is paced by itself: a launch that is refused says nothing about lists. */
export type CallKind =
  | 'list'
  | 'depth'
  | 'launch'
  | 'start'
  | 'stop'
  | 'terminate'
  | 'read books'
  | 'write books';

/** At most so many at once, and on average so many a minute. */
interface Rate {
  readonly burst: number;
  readonly perMinute: number;
}

/** Well under what EC2 lets an account launch and end, and as much at once as a round may ask for. */
const MUTATIONS: Rate = { burst: 40, perMinute: 120 };
const LOOK_BURST = 20;
/** Rounds that are woken come oftener than those that are not. */
const LOOKS_PER_ROUND = 3;

/**
 * Bounds the calls per minute, whatever happens: a token bucket for each kind, and after a failure a pause that doubles
 * with every further one, with jitter, so that controllers and kinds that failed together do not come back together.
 */
export class CallGates {
  readonly #clock: Clock;
  readonly #timings: ScalingTimings;
  readonly #random: () => number;
  readonly #gates = new Map<CallKind, Gate>();

  /** `random`: from 0 to 1. */
  constructor(clock: Clock, timings: ScalingTimings, random: () => number) {
    this.#clock = clock;
    this.#timings = timings;
    this.#random = random;
  }

  mayCall(kind: CallKind): boolean {
    return this.#gate(kind).isOpen(this.#clock.monotonic());
  }

  /** It failed, and the pause after that is not over. */
  isBackingOff(kind: CallKind): boolean {
    return this.#clock.monotonic() < this.#gate(kind).closedUntil;
  }

  /** To be asked for with `mayCall` first. What the call gives or throws is handed through. */
  async call<T>(kind: CallKind, act: () => Promise<T>): Promise<T> {
    const gate = this.#gate(kind);
    gate.tokens--;
    try {
      const result = await act();
      gate.failures = 0;
      return result;
    } catch (error) {
      // Any other error is an answer: the service works, only not as wished.
      gate.failures = isTransient(error) ? gate.failures + 1 : 0;
      if (gate.failures > 0) {
        const waitMs = backoffMs(gate.failures, this.#timings) * (0.5 + this.#random() / 2);
        gate.closedUntil = this.#clock.monotonic() + waitMs;
      }
      throw error;
    }
  }

  #gate(kind: CallKind): Gate {
    const known = this.#gates.get(kind);
    if (known !== undefined) return known;
    const gate = new Gate(rateOf(kind, this.#timings), this.#clock.monotonic());
    this.#gates.set(kind, gate);
    return gate;
  }
}

/** No more calls of this kind than this within any minute. */
export function mostCallsPerMinute(kind: CallKind, timings: ScalingTimings): number {
  const { burst, perMinute } = rateOf(kind, timings);
  return burst + perMinute;
}

function rateOf(kind: CallKind, { roundMs }: ScalingTimings): Rate {
  switch (kind) {
    case 'launch':
    case 'start':
    case 'stop':
    case 'terminate':
      return MUTATIONS;
    default:
      return { burst: LOOK_BURST, perMinute: Math.max(60, LOOKS_PER_ROUND * (60_000 / roundMs)) };
  }
}

class Gate {
  readonly #rate: Rate;
  #refilledAt: number;
  tokens: number;
  failures = 0;
  closedUntil = 0;

  constructor(rate: Rate, at: number) {
    this.#rate = rate;
    this.#refilledAt = at;
    this.tokens = rate.burst;
  }

  isOpen(at: number): boolean {
    const { burst, perMinute } = this.#rate;
    this.tokens = Math.min(burst, this.tokens + ((at - this.#refilledAt) / 60_000) * perMinute);
    this.#refilledAt = at;
    return this.tokens >= 1 && at >= this.closedUntil;
  }
}
