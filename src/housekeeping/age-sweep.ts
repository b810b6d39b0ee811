import { IDEMPOTENCY_HOURS } from '../jobs/idempotency.ts';
import { SENT_IN_JOBS } from '../jobs/keys.ts';
import type { Buckets } from '../jobs/stores.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';

/** Objects below the prefix are deleted once they have not been written to for so long. */
export interface AgeRule {
  readonly bucket: ObjectStore;
  readonly prefix: string;
  readonly maxAgeMs: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Objects looked at, and deleted, in one run. */
const MAX_LOOKS = 50_000;
const MAX_DELETIONS = 5000;

/**
 * What may grow old: pictures, records and results stay for the retention time (0 keeps them for ever); idempotency
 * records for a day, and so do attempts, which their job's end has not cleared away.
 *
 * Pictures and records go before the results: a picture without a result would look like a lost job.
 */
export function ageRules({ input, output, state }: Buckets, retentionDays: number): AgeRule[] {
  const passing = [
    { bucket: state, prefix: 'idempotency/', maxAgeMs: IDEMPOTENCY_HOURS * HOUR_MS },
    { bucket: state, prefix: 'attempts/', maxAgeMs: DAY_MS },
    // Each failed call writes anew: what is as old as this was given up, or its job never ends.
    { bucket: state, prefix: 'webhooks/', maxAgeMs: 7 * DAY_MS },
  ];
  if (retentionDays === 0) return passing;
  const maxAgeMs = retentionDays * DAY_MS;
  const places = [
    { bucket: input, prefix: '' },
    { bucket: state, prefix: 'uploads/' },
    { bucket: state, prefix: 'records/' },
    { bucket: state, prefix: 'course-names/' },
    { bucket: output, prefix: '' },
    { bucket: state, prefix: 'results/' },
    { bucket: state, prefix: 'person-jobs/' },
    { bucket: state, prefix: SENT_IN_JOBS },
    { bucket: state, prefix: 'batches/' },
  ];
  return [...passing, ...places.map((place) => ({ ...place, maxAgeMs }))];
}

/** Deletes what has grown too old, a bounded number in a run; the next run goes on where this one stopped. */
export class AgeSweep {
  readonly #rules: readonly AgeRule[];
  readonly #clock: Clock;
  #next: { rule: number; startAfter: string | undefined } = { rule: 0, startAfter: undefined };

  constructor(rules: readonly AgeRule[], clock: Clock) {
    this.#rules = rules;
    this.#clock = clock;
  }

  /** Resolves to how many objects it deleted. */
  async run(signal: AbortSignal): Promise<number> {
    const budget = { looks: MAX_LOOKS, deletions: MAX_DELETIONS };
    for (const [index, rule] of this.#rules.entries()) {
      if (index < this.#next.rule) continue;
      const startAfter = index === this.#next.rule ? this.#next.startAfter : undefined;
      const stoppedAt = await this.#sweep(rule, startAfter, budget, signal);
      if (stoppedAt !== undefined) {
        this.#next = { rule: index, startAfter: stoppedAt };
        return MAX_DELETIONS - budget.deletions;
      }
    }
    this.#next = { rule: 0, startAfter: undefined };
    return MAX_DELETIONS - budget.deletions;
  }

  /** Resolves to the key it stopped at when the budget was used up. */
  async #sweep(
    { bucket, prefix, maxAgeMs }: AgeRule,
    startAfter: string | undefined,
    budget: { looks: number; deletions: number },
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const before = this.#clock.now() - maxAgeMs;
    const options = startAfter === undefined ? { prefix } : { prefix, startAfter };
    for await (const { key, lastModified } of bucket.list(options)) {
      if (lastModified.getTime() < before) {
        await bucket.delete(key);
        budget.deletions--;
      }
      budget.looks--;
      if (budget.looks <= 0 || budget.deletions <= 0 || signal.aborted) return key;
    }
    return undefined;
  }
}
