import type { Clock } from '../../ports/clock.ts';

/** Answers older than this say nothing about now. */
const WINDOW_MS = 10_000;
/** Throughput is told over less: it shall show when a burst is over. */
const RATE_WINDOW_MS = 3000;
/** Of the newest this many the percentiles are told; the rate counts all. */
const MOST_ANSWERS = 5000;

export interface AnswerFigures {
  /** Answers per second, over the last three seconds. */
  readonly perSecond: number;
  /** From submission to answer, over the last ten seconds; null when there was none. */
  readonly latencyMs: { readonly p50: number; readonly p95: number } | null;
}

interface Answer {
  readonly at: number;
  readonly tookMs: number;
}

/** How many answers this web process has given lately, and how long they took. */
export class AnswerBook {
  readonly #clock: Clock;
  #answers: Answer[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(tookMs: number): void {
    this.#answers.push({ at: this.#clock.monotonic(), tookMs });
    if (this.#answers.length >= 2 * MOST_ANSWERS) this.#answers = this.#answers.slice(-MOST_ANSWERS);
  }

  figures(): AnswerFigures {
    const now = this.#clock.monotonic();
    this.#answers = this.#answers.filter(({ at }) => at > now - WINDOW_MS).slice(-MOST_ANSWERS);
    const recent = this.#answers.filter(({ at }) => at > now - RATE_WINDOW_MS).length;
    const sorted = this.#answers.map(({ tookMs }) => tookMs).sort((one, other) => one - other);
    return {
      perSecond: recent / (RATE_WINDOW_MS / 1000),
      latencyMs: sorted.length === 0 ? null : { p50: percentile(sorted, 0.5), p95: percentile(sorted, 0.95) },
    };
  }
}

/** Nearest rank: of the sorted values the smallest that so large a share does not exceed. */
function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}
