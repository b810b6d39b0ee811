import type { ScalingTimings } from './timings.ts';

/** One look at what capacity brings. */
export interface ProgressSample {
  /** Milliseconds of a clock that only goes forward. */
  readonly nowMs: number;
  /** Instances that take jobs. */
  readonly ready: number;
  /** Jobs finished since this leader began to look. */
  readonly completed: number;
  /** A job waits that nobody has taken yet. */
  readonly isWaiting: boolean;
  /** Seconds of work a job takes. */
  readonly serviceSeconds: number;
}

/** A time in which the same number was ready and work waited all along. */
interface Span {
  readonly ready: number;
  readonly sinceMs: number;
  readonly completedBefore: number;
  readonly ratePerMs: number;
}

interface Stall {
  readonly ready: number;
  readonly ratePerMs: number;
  /** Until then nothing grows; afterwards a little may, to see whether it helps now. */
  readonly untilMs: number;
}

/** So many more jobs must have been due to more capacity, that their absence is no accident. */
const LEAST_GAIN_JOBS = 20;
/** With less than this share of what more capacity should have brought, it brought nothing. */
const FLAT_SHARE = 0.25;
/** What is finished must rise by this much for the stall to count as over. */
const REVIVAL = 1.25;
const JUDGED_JOBS = 4;

/**
 * Sees when more instances get no more done, because what they wait for is something else (a bucket that throttles, a
 * processor that is full, pictures that hang): then growing costs and brings nothing. It recovers by itself: when
 * more is finished again, when nothing waits any more, or when a little growth, tried every few minutes, helps.
 */
export class ProgressWatch {
  readonly #timings: ScalingTimings;
  #base: Span = { ready: 0, sinceMs: 0, completedBefore: 0, ratePerMs: 0 };
  #span: Span | undefined;
  #stall: Stall | undefined;

  constructor(timings: ScalingTimings) {
    this.#timings = timings;
  }

  /** Why nothing should grow, for people; undefined when it may. */
  get reason(): string | undefined {
    if (this.#stall === undefined) return undefined;
    const perMinute = (this.#stall.ratePerMs * 60_000).toPrecision(2);
    return `with ${this.#stall.ready} ready no more gets done than with fewer: ${Number(perMinute)} jobs a minute while others wait`;
  }

  /** Most instances that there should be now. */
  most(nowMs: number): number {
    if (this.#stall === undefined) return Number.POSITIVE_INFINITY;
    const { ready, untilMs } = this.#stall;
    return nowMs < untilMs ? ready : ready + Math.max(1, Math.ceil(ready / 4));
  }

  note(sample: ProgressSample): void {
    const { nowMs, ready, completed, isWaiting } = sample;
    if (!isWaiting) {
      // Nothing can be said of capacity that has nothing to do; and whatever held it up has let go.
      this.#stall = undefined;
      this.#span = undefined;
      return;
    }
    if (this.#span?.ready !== ready) {
      this.#close(sample);
      this.#span = { ready, sinceMs: nowMs, completedBefore: completed, ratePerMs: 0 };
      return;
    }
    if (nowMs - this.#span.sinceMs >= this.#judgeMs(sample)) this.#judge(this.#span, sample);
  }

  /** A span that lasted is what the next one is compared with. */
  #close(sample: ProgressSample): void {
    const span = this.#span;
    if (span === undefined || sample.nowMs - span.sinceMs < this.#judgeMs(sample)) return;
    this.#base = withRate(span, sample);
  }

  #judge(span: Span, sample: ProgressSample): void {
    const { nowMs, ready } = sample;
    const lasted = withRate(span, sample);
    const stall = this.#stall;
    if (stall !== undefined && lasted.ratePerMs > stall.ratePerMs * REVIVAL) this.#stall = undefined;
    else if (this.#isFlat(lasted, nowMs - span.sinceMs)) {
      const untilMs = nowMs + this.#timings.holdProgressMs;
      if (stall === undefined || (nowMs >= stall.untilMs && ready > stall.ready)) {
        this.#stall = { ready, ratePerMs: lasted.ratePerMs, untilMs };
      }
    }
    // The next judgement is of the time from now on, against this one.
    if (ready <= this.#base.ready || !this.#isFlat(lasted, nowMs - span.sinceMs)) this.#base = lasted;
    this.#span = { ready, sinceMs: nowMs, completedBefore: sample.completed, ratePerMs: 0 };
  }

  #isFlat({ ready, ratePerMs }: Span, lastedMs: number): boolean {
    const base = this.#base;
    if (ready <= base.ready) return false;
    if (base.ready === 0) return ready > 1 && ratePerMs === 0;
    const gain = base.ratePerMs * lastedMs * (ready / base.ready - 1);
    return gain >= LEAST_GAIN_JOBS && (ratePerMs - base.ratePerMs) * lastedMs <= FLAT_SHARE * gain;
  }

  /** Long enough for several jobs, however long they take. */
  #judgeMs({ serviceSeconds }: ProgressSample): number {
    return Math.max(this.#timings.judgeProgressMs, JUDGED_JOBS * serviceSeconds * 1000);
  }
}

function withRate(span: Span, { nowMs, completed }: ProgressSample): Span {
  return { ...span, ratePerMs: (completed - span.completedBefore) / Math.max(1, nowMs - span.sinceMs) };
}
