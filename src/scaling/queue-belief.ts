import type { Clock } from '../ports/clock.ts';
import type { QueueDepth } from '../ports/queue.ts';
import type { ScalingTimings } from './timings.ts';

interface Reading {
  readonly at: number;
  readonly depth: QueueDepth;
}

const NOTHING: QueueDepth = { visible: 0, inFlight: 0, delayed: 0 };

/**
 * What to believe of counts that may be a minute old and show what is not there. Less than before is believed when a
 * second look confirms it; from zero, more is believed when a second look confirms it, or at once when the web tier
 * has given a hint. Exact counts are taken as they are.
 */
export class QueueBelief {
  readonly #clock: Clock;
  readonly #timings: ScalingTimings;
  #last: Reading | undefined;
  #before: Reading | undefined;
  #hintedAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, timings: ScalingTimings) {
    this.#clock = clock;
    this.#timings = timings;
  }

  /** Somebody has sent a job just now. */
  hint(): void {
    this.#hintedAt = this.#clock.monotonic();
  }

  /** `isFromZero`: nothing lives that would be let go by a wrong zero, and much would start for a phantom. */
  believe(depth: QueueDepth, { isExact, isFromZero }: { isExact: boolean; isFromZero: boolean }): QueueDepth {
    if (isExact) return depth;
    const at = this.#clock.monotonic();
    // Two looks in one moment are one.
    if (this.#last === undefined || at - this.#last.at >= this.#timings.depthConfirmMs) {
      this.#before = this.#last;
      this.#last = { at, depth };
    } else {
      this.#last = { at: this.#last.at, depth: larger(this.#last.depth, depth) };
    }
    const isHinted = at - this.#hintedAt < this.#timings.depthLagMs;
    if (!isFromZero) return this.#withHint(this.#larger(), isHinted);
    const isConfirmed = total(this.#last.depth) > 0 && total(this.#before?.depth ?? NOTHING) > 0;
    return this.#withHint(isConfirmed || isHinted ? this.#larger() : NOTHING, isHinted);
  }

  #larger(): QueueDepth {
    const last = this.#last?.depth ?? NOTHING;
    return this.#before === undefined ? last : larger(this.#before.depth, last);
  }

  /** Until the counts show something themselves, or are so old that they would. */
  #withHint(believed: QueueDepth, isHinted: boolean): QueueDepth {
    if (!isHinted) return believed;
    if (total(believed) === 0) return { ...believed, visible: 1 };
    this.#hintedAt = Number.NEGATIVE_INFINITY;
    return believed;
  }
}

function larger(one: QueueDepth, other: QueueDepth): QueueDepth {
  const oldest = Math.max(one.oldestAgeSeconds ?? 0, other.oldestAgeSeconds ?? 0);
  const isAgeKnown = one.oldestAgeSeconds !== undefined || other.oldestAgeSeconds !== undefined;
  return {
    visible: Math.max(one.visible, other.visible),
    inFlight: Math.max(one.inFlight, other.inFlight),
    delayed: Math.max(one.delayed, other.delayed),
    ...(isAgeKnown && { oldestAgeSeconds: oldest }),
  };
}

function total({ visible, inFlight, delayed }: QueueDepth): number {
  return visible + inFlight + delayed;
}
