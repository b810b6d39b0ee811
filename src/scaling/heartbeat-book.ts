import type { Clock } from '../ports/clock.ts';
import type { Heartbeat } from './heartbeat.ts';

export interface NotedBeat {
  readonly beat: Heartbeat;
  /** When it came, by the controller's monotonic clock. */
  readonly at: number;
}

/** After this long a heartbeat tells nothing any more. */
const FORGET_AFTER_MS = 60 * 60_000;

/** The last heartbeat of every instance, by slot and generation. */
export class HeartbeatBook {
  readonly #clock: Clock;
  readonly #beats = new Map<string, NotedBeat>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Says whether the instance has changed its state since its last one. */
  note(beat: Heartbeat): boolean {
    const key = `${beat.slot}/${beat.generation}`;
    const isNews = this.#beats.get(key)?.beat.state !== beat.state;
    // Set anew, so that the map stays in the order of arrival.
    this.#beats.delete(key);
    this.#beats.set(key, { beat, at: this.#clock.monotonic() });
    this.#forgetOld();
    return isNews;
  }

  of({ slot, generation }: { slot: number; generation: number }): NotedBeat | undefined {
    return this.#beats.get(`${slot}/${generation}`);
  }

  /** Those that came within the last so many milliseconds. */
  recent(withinMs: number): Heartbeat[] {
    const since = this.#clock.monotonic() - withinMs;
    return [...this.#beats.values()].filter(({ at }) => at >= since).map(({ beat }) => beat);
  }

  #forgetOld(): void {
    const before = this.#clock.monotonic() - FORGET_AFTER_MS;
    for (const [key, { at }] of this.#beats) {
      if (at >= before) return;
      this.#beats.delete(key);
    }
  }
}
