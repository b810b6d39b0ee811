import { errorMessage } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { Queue } from '../ports/queue.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { type FleetState, FleetStateStore, isLiving, type SlotPhase } from './fleet-state.ts';
import type { Heartbeat } from './heartbeat.ts';

const PHASES: readonly SlotPhase[] = [
  'launching',
  'starting',
  'running',
  'draining',
  'ending',
  'stopping',
  'stopped',
];

export interface FleetMeterOptions {
  readonly telemetry: Telemetry;
  readonly requests: Queue;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether this controller leads, and whom it has heard of lately. */
  readonly look: () => { readonly isLeading: boolean; readonly beats: readonly Heartbeat[] };
}

/** What the controller tells metrics of queue, fleet and decisions, and what the fleet costs. */
export class FleetMeter {
  readonly #options: FleetMeterOptions;
  readonly #stop: () => void;
  readonly #instanceSeconds;
  readonly #decisions;
  readonly #actions;
  #state: FleetState | undefined;
  #countedUntil: number;

  constructor(options: FleetMeterOptions) {
    const { metrics } = options.telemetry;
    this.#options = options;
    this.#countedUntil = options.clock.monotonic();
    this.#instanceSeconds = metrics.counter(
      'facefleet_instance_seconds_total',
      'What the fleet costs: seconds that instances were there, booting and draining included, added up',
    );
    this.#decisions = metrics.counter(
      'facefleet_scaling_decisions_total',
      'Decisions that changed something',
    );
    this.#actions = metrics.counter('facefleet_scaling_actions_total', 'Instances launched, drained …', [
      'action',
    ]);
    this.#stop = metrics.onRead(this.#collector());
  }

  /** Seconds that instances were there while this controller led. */
  get instanceSeconds(): number {
    this.#count();
    return this.#instanceSeconds.of().value;
  }

  /** The books of a leader, which tell of every change as it is written down. */
  books(store: ObjectStore): FleetStateStore {
    return new MeteredBooks(store, (state) => this.#note(state));
  }

  /** It leads no more: what the fleet costs from now on is for the next one to count. */
  resigned(): void {
    this.#count();
    this.#state = undefined;
  }

  [Symbol.dispose](): void {
    this.#stop();
  }

  #note(state: FleetState): void {
    this.#count();
    const known = this.#state;
    this.#state = state;
    // What the first look finds was decided by others, who have counted it.
    if (known === undefined) return;
    const last = known.decisions[0];
    for (const { at, reason, actions } of state.decisions) {
      if (at === last?.at && reason === last.reason) break;
      this.#decisions.add();
      for (const action of actions) this.#actions.of(action.split(' ', 1)[0]!).add();
    }
  }

  #count(): void {
    const now = this.#options.clock.monotonic();
    const seconds = (now - this.#countedUntil) / 1000;
    this.#countedUntil = now;
    const there = this.#state?.slots.filter(isLiving).length ?? 0;
    if (there > 0) this.#instanceSeconds.add(there * seconds);
  }

  #collector(): () => Promise<void> {
    const { telemetry, look } = this.#options;
    const { metrics } = telemetry;
    const leading = metrics.gauge('facefleet_controller_leading', 'Whether this controller leads: 1 or 0');
    const instances = metrics.gauge('facefleet_instances', 'Instances by what they are doing', ['phase']);
    const wanted = metrics.gauge('facefleet_instances_wanted', 'Instances that the last decision asks for');
    const crashes = metrics.gauge('facefleet_instance_crash_streak', 'Instances in a row that ended unready');
    const service = metrics.gauge(
      'facefleet_service_seconds',
      'What a job takes an instance, as last learnt',
    );
    const busy = metrics.gauge(
      'facefleet_worker_busy_jobs',
      'Jobs that a worker has in hand, as it last said',
      ['slot'],
    );
    const memory = metrics.gauge('facefleet_worker_resident_memory_bytes', 'As the worker last said', [
      'slot',
    ]);
    return async () => {
      const { isLeading, beats } = look();
      this.#count();
      leading.set(isLeading ? 1 : 0);
      const slots = this.#state?.slots ?? [];
      for (const phase of PHASES) {
        instances.of(phase).set(slots.filter((slot) => slot.phase === phase).length);
      }
      wanted.set(this.#state?.desired ?? 0);
      crashes.set(this.#state?.crashStreak ?? 0);
      service.set(this.#state?.serviceSeconds ?? 0);
      busy.clear();
      memory.clear();
      for (const { slot, busy: jobs, residentBytes } of beats) {
        busy.of(String(slot)).set(jobs);
        memory.of(String(slot)).set(residentBytes);
      }
      await this.#readBacklog();
    };
  }

  async #readBacklog(): Promise<void> {
    const { requests, telemetry, logger } = this.#options;
    const jobs = telemetry.metrics.gauge('facefleet_backlog_jobs', 'Jobs that are not done', ['state']);
    const age = telemetry.metrics.gauge(
      'facefleet_backlog_oldest_age_seconds',
      'Age of the oldest job that waits',
    );
    // Better nothing than an old figure.
    jobs.clear();
    age.clear();
    try {
      const { visible, inFlight, delayed, oldestAgeSeconds = 0 } = await requests.depth();
      jobs.of('waiting').set(visible);
      jobs.of('in_flight').set(inFlight);
      jobs.of('delayed').set(delayed);
      age.set(oldestAgeSeconds);
    } catch (error) {
      logger.debug({ error: errorMessage(error) }, 'metrics have no backlog: the queue does not answer');
    }
  }
}

/** The state store, which tells of what it reads and writes. */
class MeteredBooks extends FleetStateStore {
  readonly #note: (state: FleetState) => void;

  constructor(store: ObjectStore, note: (state: FleetState) => void) {
    super(store);
    this.#note = note;
  }

  override async load(): Promise<{ state: FleetState; etag: string | undefined }> {
    const loaded = await super.load();
    this.#note(loaded.state);
    return loaded;
  }

  override async save(state: FleetState, etag: string | undefined): Promise<string> {
    const saved = await super.save(state, etag);
    this.#note(state);
    return saved;
  }
}
