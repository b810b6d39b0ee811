import type { Clock } from '../../ports/clock.ts';
import type { Heartbeat } from '../../scaling/heartbeat.ts';

/** Workers tell every two seconds: over two beats the rate neither jumps nor lags. */
const WINDOW_MS = 4000;

/** How fast all workers together finish jobs, from what each says it has done. */
export class DoneBook {
  readonly #clock: Clock;
  #done = new Map<string, number>();
  #steps: { readonly at: number; readonly jobs: number }[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes a look at the last heartbeats; returns jobs per second over the last four seconds. */
  note(beats: readonly Pick<Heartbeat, 'instanceId' | 'done'>[]): number {
    const at = this.#clock.monotonic();
    const jobs = beats.reduce((sum, { instanceId, done }) => sum + this.#newOf(instanceId, done), 0);
    this.#done = new Map(beats.map(({ instanceId, done }) => [instanceId, done]));
    this.#steps = [...this.#steps, { at, jobs }].filter((step) => step.at > at - WINDOW_MS);
    return this.#steps.reduce((sum, step) => sum + step.jobs, 0) / (WINDOW_MS / 1000);
  }

  /** All that a new worker has done is new, but at the first look nobody knows since when. */
  #newOf(instanceId: string, done: number): number {
    const known = this.#done.get(instanceId);
    if (known === undefined) return this.#steps.length === 0 ? 0 : done;
    return Math.max(0, done - known);
  }
}
