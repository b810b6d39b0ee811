import type { Clock } from '../ports/clock.ts';
import type { Heartbeat } from './heartbeat.ts';

export interface NotedBeat {
  readonly beat: Heartbeat;
  /** When it came, by the controller's monotonic clock. */
  readonly at: number;
}

/** After this long a heartbeat tells nothing any more. */
const FORGET_AFTER_MS = 60 * 60_000;

/** The last heartbeat of every instance. */
export class HeartbeatBook {
  readonly #clock: Clock;
  readonly #beats = new Map<string, NotedBeat>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Says whether the instance has changed its state since its last one. */
  note(beat: Heartbeat): boolean {
    const before = this.#beats.get(beat.instanceId)?.beat;
    // Set anew, so that the map stays in the order of arrival.
    this.#beats.delete(beat.instanceId);
    this.#beats.set(beat.instanceId, { beat, at: this.#clock.monotonic() });
    this.#forgetOld();
    return before?.state !== beat.state;
  }

  /** Of the instance, or, while its id is not known, of whoever says that it is in this slot and generation. */
  of(place: { slot: number; generation: number; instanceId?: string }): NotedBeat | undefined {
    const { slot, generation, instanceId } = place;
    if (instanceId !== undefined) return this.#beats.get(instanceId);
    return [...this.#beats.values()].findLast(
      ({ beat }) => beat.slot === slot && beat.generation === generation,
    );
  }

  /** What it said in an earlier run tells nothing about the next. */
  forget(instanceId: string): void {
    this.#beats.delete(instanceId);
  }

  /** Those that came within the last so many milliseconds. */
  recent(withinMs: number): NotedBeat[] {
    const since = this.#clock.monotonic() - withinMs;
    return [...this.#beats.values()].filter(({ at }) => at >= since);
  }

  #forgetOld(): void {
    const before = this.#clock.monotonic() - FORGET_AFTER_MS;
    for (const [key, { at }] of this.#beats) {
      if (at >= before) return;
      this.#beats.delete(key);
    }
  }
}
