import type { Clock } from '../ports/clock.ts';
import type { Instance } from '../ports/fleet.ts';
import type { QueueDepth } from '../ports/queue.ts';
import {
  ArrivalLog,
  type Boots,
  CompletionCount,
  estimateBootSeconds,
  estimateConcurrency,
  estimateServiceSeconds,
  NO_BOOTS,
  untoldCompletions,
  withBoot,
} from './estimators.ts';
import type { FleetState, SlotRecord } from './fleet-state.ts';
import type { HeartbeatBook, NotedBeat } from './heartbeat-book.ts';
import type { ArrivalBin, Observed, ObservedInstance } from './policy.ts';
import type { ScalingTimings } from './timings.ts';

/** What a round saw. Undefined: that part did not tell. */
export interface Sight {
  readonly instances: readonly Instance[] | undefined;
  readonly queue: QueueDepth | undefined;
}

/** What a round knows beside the books and what it saw. */
export interface Circumstances {
  readonly freeSlots: readonly number[];
  readonly stoppedSlots: readonly number[];
  /** Jobs an instance is configured to work on at once. */
  readonly concurrency: number;
  /** As configured, for as long as none was seen to boot. */
  readonly bootSeconds: number;
  readonly arrivalsKeptSeconds: number;
}

/** A heartbeat tells what an instance does for as long as three of them take. */
const FRESH_BEATS = 3;

/**
 * Makes of what was seen, heartbeats and books what `decide` wants to know.
 */
export class Observer {
  readonly #clock: Clock;
  readonly #timings: ScalingTimings;
  readonly #beats: HeartbeatBook;
  readonly #arrivals = new ArrivalLog();
  readonly #completions = new CompletionCount();
  /** Instances that booted before this leader's eyes, by slot and generation. */
  readonly #booting = new Set<string>();
  readonly #toldAt: Record<keyof Sight, number>;
  #boots: Boots = NO_BOOTS;
  #waitingSinceMs: number | undefined;

  constructor(clock: Clock, timings: ScalingTimings, beats: HeartbeatBook) {
    this.#clock = clock;
    this.#timings = timings;
    this.#beats = beats;
    const startedAt = clock.monotonic();
    this.#toldAt = { queue: startedAt, instances: startedAt };
  }

  /** The last boots: those of the books and those seen since. */
  get boots(): Boots {
    return this.#boots;
  }

  /** What the policy sees of the books, once every slot has been brought up to date. */
  observed(state: FleetState, sight: Sight, circumstances: Circumstances): Observed {
    const { concurrency, bootSeconds, freeSlots, stoppedSlots } = circumstances;
    const noted = this.#beats.recent(FRESH_BEATS * this.#timings.beatMs);
    const beats = noted.map(({ beat }) => beat);
    const completed = this.#completions.note(beats);
    const serviceSeconds = estimateServiceSeconds(beats, state.serviceSeconds);
    const done = completed + this.#untold(noted, sight, serviceSeconds);
    this.#learnBoots(state);
    return {
      nowMs: this.#clock.monotonic(),
      queue: sight.queue,
      queueAgeSeconds: this.#ageOf('queue', sight),
      isFleetKnown: sight.instances !== undefined,
      fleetAgeSeconds: this.#ageOf('instances', sight),
      instances: state.slots.flatMap((record) => this.#instance(record) ?? []),
      freeSlots,
      stoppedSlots,
      arrivals: this.#arrivalsUntilNow(sight, done, circumstances.arrivalsKeptSeconds),
      completed,
      serviceSeconds,
      concurrency: estimateConcurrency(beats, concurrency),
      bootSeconds: estimateBootSeconds(this.#boots, bootSeconds),
    };
  }

  #ageOf(part: keyof Sight, sight: Sight): number {
    const at = this.#clock.monotonic();
    if (sight[part] !== undefined) this.#toldAt[part] = at;
    return (at - this.#toldAt[part]) / 1000;
  }

  #untold(noted: readonly NotedBeat[], { queue }: Sight, serviceSeconds: number): number {
    const nowMs = this.#clock.monotonic();
    if (queue !== undefined) {
      this.#waitingSinceMs = queue.visible > 0 ? (this.#waitingSinceMs ?? nowMs) : undefined;
    }
    const { beatMs } = this.#timings;
    return untoldCompletions(noted, { nowMs, waitingSinceMs: this.#waitingSinceMs, serviceSeconds, beatMs });
  }

  #arrivalsUntilNow({ queue }: Sight, completed: number, keptSeconds: number): ArrivalBin[] {
    const nowMs = this.#clock.monotonic();
    if (queue === undefined) return this.#arrivals.recent(nowMs);
    const backlog = queue.visible + queue.inFlight + queue.delayed;
    return this.#arrivals.note({ nowMs, backlog, completed }, keptSeconds);
  }

  /** From the launch on record to the round that sees it ready. One that was there before this leader proves nothing. */
  #learnBoots(state: FleetState): void {
    if (this.#boots === NO_BOOTS) this.#boots = state.boots;
    for (const { slot, generation, phase, wasReady, up } of state.slots) {
      const key = `${slot}/${generation}`;
      if (phase === 'launching' || (phase === 'running' && !wasReady)) this.#booting.add(key);
      else if (this.#booting.delete(key) && phase === 'running' && up !== undefined) {
        const seconds = (this.#clock.now() - up.at) / 1000;
        if (seconds >= 0) this.#boots = withBoot(this.#boots, up.source, seconds);
      }
    }
  }

  #instance(record: SlotRecord): ObservedInstance | undefined {
    const { slot, phase, wasReady, up } = record;
    const { source = 'launch', at = record.since } = up ?? {};
    const ageSeconds = Math.max(0, (this.#clock.now() - at) / 1000);
    const beat = this.#beats.of(record)?.beat;
    const seen = { slot, ageSeconds, source, busyCount: beat?.busy ?? 0 };
    switch (phase) {
      case 'empty':
      case 'ending':
      case 'stopping':
      case 'stopped':
        return undefined;
      case 'launching':
      case 'starting':
        // Not to be drained before it is known what became of the launch.
        return { ...seen, phase: 'booting', activity: 'unknown' };
      case 'draining':
        // One that has begun to drain cannot be told to run on, nor one that an operator wants drained.
        if (beat?.state === 'draining' || record.mustDrain === true || record.isOverdue === true)
          return undefined;
        return { ...seen, phase: 'draining', activity: this.#activity(record) };
      case 'running':
        return { ...seen, phase: wasReady ? 'ready' : 'booting', activity: this.#activity(record) };
    }
  }

  #activity(record: SlotRecord): ObservedInstance['activity'] {
    const noted = this.#beats.of(record);
    if (noted === undefined) return record.wasReady ? 'unknown' : 'idle';
    if (this.#clock.monotonic() - noted.at > FRESH_BEATS * this.#timings.beatMs) return 'unknown';
    return noted.beat.busy > 0 ? 'busy' : 'idle';
  }
}
