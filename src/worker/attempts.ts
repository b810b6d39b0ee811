import { PreconditionFailedError } from '../errors.ts';
import { attemptKey, attemptPrefix, failureKey } from '../jobs/keys.ts';
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
 * What a job's past says against it: attempts that were started and never ended, because their process died, and failures
 * that nobody foresaw. Receives say less: a killed worker takes innocent jobs down with it, and prefetched ones were never
 * started.
 */
export class AttemptLog {
  readonly #state: ObjectStore;

  constructor(state: ObjectStore) {
    this.#state = state;
  }

  async begin(jobId: string, facts: { instanceId: string; startedAt: number }): Promise<Attempt> {
    const { key, before } = await this.#note(jobId, attemptKey, facts);
    return { unfinishedBefore: before, end: () => this.#state.delete(key) };
  }

  /** Resolves to how many failures of the job are on record now. */
  async noteFailure(jobId: string, facts: { instanceId: string; message: string }): Promise<number> {
    const { before } = await this.#note(jobId, failureKey, facts);
    return before + 1;
  }

  /** Once the job has its result. */
  async forget(jobId: string): Promise<void> {
    const keys: string[] = [];
    for await (const { key } of this.#state.list({ prefix: attemptPrefix(jobId) })) keys.push(key);
    for (const key of keys) await this.#state.delete(key);
  }

  /** Writes under the next number, and says how many there were before. */
  async #note(
    jobId: string,
    keyOf: typeof attemptKey,
    facts: object,
  ): Promise<{ key: string; before: number }> {
    for (;;) {
      const numbers = await this.#numbers(jobId, keyOf);
      const key = keyOf(jobId, Math.max(0, ...numbers) + 1);
      try {
        await this.#state.put(key, Buffer.from(JSON.stringify({ version: 1, jobId, ...facts })), {
          contentType: 'application/json',
          ifNoneMatch: '*',
        });
        return { key, before: numbers.length };
      } catch (error) {
        // A repeat of the same message is worked on elsewhere and took this number.
        if (!(error instanceof PreconditionFailedError)) throw error;
      }
    }
  }

  async #numbers(jobId: string, keyOf: typeof attemptKey): Promise<number[]> {
    const prefix = keyOf(jobId, 0).replace(/0\.json$/, '');
    const numbers: number[] = [];
    for await (const { key } of this.#state.list({ prefix })) {
      const number = Number.parseInt(key.slice(prefix.length), 10);
      if (Number.isInteger(number)) numbers.push(number);
    }
    return numbers;
  }
}
