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
  withBoot,
} from './estimators.ts';
import { type FleetState, type SlotRecord, slotOf } from './fleet-state.ts';
import type { HeartbeatBook } from './heartbeat-book.ts';
import type { SlotFacts } from './lifecycle.ts';
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
 * Makes of listing, heartbeats and books what `advance` and `decide` want to know. Remembers since when this leader has
 * known an instance, so that no absence counts that began before it looked.
 */
export class Observer {
  readonly #clock: Clock;
  readonly #timings: ScalingTimings;
  readonly #beats: HeartbeatBook;
  readonly #liveSince = new Map<string, number>();
  readonly #drainingSince = new Map<string, number>();
  readonly #arrivals = new ArrivalLog();
  readonly #completions = new CompletionCount();
  /** Instances that booted before this leader's eyes, by slot and generation. */
  readonly #booting = new Set<string>();
  readonly #toldAt: Record<keyof Sight, number>;
  #boots: Boots = NO_BOOTS;

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

  facts(record: SlotRecord, { instances }: Sight): SlotFacts {
    const key = `${record.slot}/${record.generation}`;
    const at = this.#clock.monotonic();
    const noted = this.#beats.of(record);
    const liveSince = mark(
      this.#liveSince,
      key,
      at,
      record.phase !== 'empty' && record.phase !== 'launching',
    );
    const drainingSince = mark(this.#drainingSince, key, at, record.phase === 'draining');
    return {
      now: this.#clock.now(),
      listing: this.#listing(record, instances, at - liveSince),
      beat: noted?.beat,
      silentMs: at - Math.max(liveSince, noted?.at ?? 0),
      drainingMs: at - drainingSince,
    };
  }

  /** What the policy sees of the books, once every slot has been brought up to date. */
  observed(state: FleetState, sight: Sight, circumstances: Circumstances): Observed {
    const { concurrency, bootSeconds, freeSlots, stoppedSlots } = circumstances;
    const beats = this.#beats.recent(FRESH_BEATS * this.#timings.beatMs);
    const completed = this.#completions.note(beats);
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
      arrivals: this.#arrivalsUntilNow(sight, completed, circumstances.arrivalsKeptSeconds),
      completed,
      serviceSeconds: estimateServiceSeconds(beats, state.serviceSeconds),
      concurrency: estimateConcurrency(beats, concurrency),
      bootSeconds: estimateBootSeconds(this.#boots, bootSeconds),
    };
  }

  #ageOf(part: keyof Sight, sight: Sight): number {
    const at = this.#clock.monotonic();
    if (sight[part] !== undefined) this.#toldAt[part] = at;
    return (at - this.#toldAt[part]) / 1000;
  }

  #arrivalsUntilNow({ queue }: Sight, completed: number, keptSeconds: number): ArrivalBin[] {
    const nowMs = this.#clock.monotonic();
    if (queue === undefined) return this.#arrivals.recent(nowMs, keptSeconds);
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

  #listing(
    record: SlotRecord,
    instances: readonly Instance[] | undefined,
    knownForMs: number,
  ): SlotFacts['listing'] {
    if (instances === undefined) return 'unknown';
    const found = instances.find((one) =>
      record.instanceId === undefined
        ? one.slot === record.slot && one.generation === record.generation
        : one.id === record.instanceId,
    );
    return found ?? (knownForMs > this.#timings.listingLagMs ? 'absent' : 'unknown');
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
        return undefined;
      case 'launching':
        // Not to be drained before it is known what became of the launch.
        return { ...seen, phase: 'booting', activity: 'unknown' };
      case 'draining':
        // One that has begun to drain cannot be told to run on.
        if (beat?.state === 'draining') return undefined;
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

/** Living instances that the books say nothing of, in slots that are free: from before the books were lost. */
export function adoptable(state: FleetState, instances: readonly Instance[]): Instance[] {
  const newestFirst = instances.filter(isLiving).sort((one, other) => other.generation - one.generation);
  const candidates = newestFirst.filter(({ slot, generation }) => {
    const record = slotOf(state, slot);
    return record.phase === 'empty' && generation >= record.generation;
  });
  return candidates.filter(
    ({ slot }, index) => candidates.findIndex((other) => other.slot === slot) === index,
  );
}

/** Living instances that belong to no slot any more: another one has their place, or had it since. */
export function strays(state: FleetState, instances: readonly Instance[]): Instance[] {
  return instances.filter(isLiving).filter(({ id, slot, generation }) => {
    const record = slotOf(state, slot);
    if (record.phase === 'empty') return generation < record.generation;
    return record.instanceId === undefined ? generation !== record.generation : id !== record.instanceId;
  });
}

/** The slots in which the fleet still shows an instance that has not ended. */
export function occupiedSlots(instances: readonly Instance[]): ReadonlySet<number> {
  return new Set(instances.filter(({ state }) => state !== 'terminated').map(({ slot }) => slot));
}

/** Or stopped, which is to be ended as well. */
function isLiving({ state }: Instance): boolean {
  return state === 'pending' || state === 'running' || state === 'stopped';
}

/** Since when the condition has held without a break, as far as it was looked at. */
function mark(marks: Map<string, number>, key: string, at: number, holds: boolean): number {
  if (!holds) {
    marks.delete(key);
    return at;
  }
  const since = marks.get(key) ?? at;
  marks.set(key, since);
  return since;
}
