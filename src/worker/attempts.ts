import { PreconditionFailedError } from '../errors.ts';
import { attemptKey, attemptPrefix } from '../jobs/keys.ts';
import type { ObjectStore } from '../ports/object-store.ts';

/** Attempts that never ended after which a job runs alone in a child process. */
export const ATTEMPTS_BEFORE_ISOLATION = 2;

/** A started attempt, on record until it ends. */
export interface Attempt {
  /** How many earlier ones were started and never ended. */
  readonly unfinishedBefore: number;
  /** It ended, well or badly, but its process lives. */
  end(): Promise<void>;
}

/**
 * Which attempts at a job were started and never ended, because their process died. Receives say less: a killed worker
 * takes innocent jobs down with it, and prefetched ones were never started.
 */
export class AttemptLog {
  readonly #state: ObjectStore;

  constructor(state: ObjectStore) {
    this.#state = state;
  }

  async begin(jobId: string, facts: { instanceId: string; startedAt: number }): Promise<Attempt> {
    for (;;) {
      const unfinished = await this.#numbers(jobId);
      const number = Math.max(0, ...unfinished) + 1;
      const key = attemptKey(jobId, number);
      try {
        await this.#state.put(key, Buffer.from(JSON.stringify({ version: 1, jobId, ...facts })), {
          contentType: 'application/json',
          ifNoneMatch: '*',
        });
      } catch (error) {
        // A repeat of the same message is being started elsewhere and took this number.
        if (error instanceof PreconditionFailedError) continue;
        throw error;
      }
      return { unfinishedBefore: unfinished.length, end: () => this.#state.delete(key) };
    }
  }

  /** Once the job has its result. */
  async forget(jobId: string): Promise<void> {
    for (const number of await this.#numbers(jobId)) await this.#state.delete(attemptKey(jobId, number));
  }

  async #numbers(jobId: string): Promise<number[]> {
    const prefix = attemptPrefix(jobId);
    const numbers: number[] = [];
    for await (const { key } of this.#state.list({ prefix })) {
      const number = Number.parseInt(key.slice(prefix.length), 10);
      if (Number.isInteger(number)) numbers.push(number);
    }
    return numbers;
  }
}
