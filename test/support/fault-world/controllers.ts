import { leaderKey } from '../../../src/jobs/keys.ts';
import { silentLogger } from '../../../src/logger.ts';
import type { ObjectStore } from '../../../src/ports/object-store.ts';
import type { SpendingCaps } from '../../../src/scaling/budget.ts';
import { type CallKind, mostCallsPerMinute } from '../../../src/scaling/call-gates.ts';
import { type FleetState, FleetStateStore } from '../../../src/scaling/fleet-state.ts';
import type { Heartbeat, HeartbeatReply } from '../../../src/scaling/heartbeat.ts';
import { HeartbeatBook } from '../../../src/scaling/heartbeat-book.ts';
import { acquireLeadership, type Lease } from '../../../src/scaling/leader.ts';
import type { ScalingLimits } from '../../../src/scaling/policy.ts';
import { Reconciler } from '../../../src/scaling/reconciler.ts';
import type { ScalingTimings } from '../../../src/scaling/timings.ts';
import type { Cloud } from './cloud.ts';
import type { JobQueue } from './job-queue.ts';
import { Life } from './life.ts';
import type { WorldState } from './state-store.ts';
import { ProcessClock, type VirtualTime } from './virtual-time.ts';

export interface ControllerWorld {
  readonly time: VirtualTime;
  readonly random: () => number;
  readonly cloud: Cloud;
  readonly queue: JobQueue;
  readonly state: WorldState;
  readonly timings: ScalingTimings;
  readonly limits: ScalingLimits;
  readonly caps: SpendingCaps;
  readonly latencyMs: () => number;
  /** Whether it is certain that the process that listened there is dead. */
  readonly isDeserted: (address: string) => boolean;
  /** What a controller has written down, and whether what it saw of queue and fleet in that round was there and recent. */
  readonly onWritten: (state: FleetState, before: FleetState | undefined, sawAll: boolean) => void;
  readonly fail: (what: string) => void;
}

/** A controller process: the real leadership and the real reconciler on ports of the world. */
export class SimulatedController {
  readonly #world: ControllerWorld;
  readonly #stop = new AbortController();
  readonly name: string;
  readonly life: Life;
  readonly clock: ProcessClock;
  /** When it called what, in milliseconds of the world. */
  readonly #calls = new Map<CallKind, number[]>();
  /** When it began to write the leader record as it then knew that it stands: its lease is counted from there. */
  #leasedAt = Number.NEGATIVE_INFINITY;
  #office: { lease: Lease; reconciler: Reconciler; beats: HeartbeatBook } | undefined;
  ledSince: number | undefined;

  constructor(name: string, world: ControllerWorld) {
    this.name = name;
    this.#world = world;
    this.life = new Life(world.time, world.latencyMs);
    this.clock = new ProcessClock(world.time, () => this.life.gate());
    this.run().catch((error: unknown) => world.fail(`controller ${name} ended: ${error}`));
  }

  get isLeading(): boolean {
    return !this.life.isDead && !this.life.isFrozen && (this.#office?.lease.mayChange() ?? false);
  }

  get mayChange(): boolean {
    return this.#office?.lease.mayChange() ?? false;
  }

  /** By the time of the world, whatever the lease itself says. */
  get #hasEnoughOfLease(): boolean {
    const { time, timings } = this.#world;
    return time.now < this.#leasedAt + timings.leaseMs - timings.leaseMarginMs;
  }

  hear(beat: Heartbeat): HeartbeatReply['order'] | undefined {
    const office = this.#office;
    if (office === undefined || !this.isLeading) return undefined;
    const order = office.reconciler.orderFor(beat);
    if (order !== undefined) office.beats.note(beat);
    return order;
  }

  hint(): void {
    if (this.isLeading) this.#office?.reconciler.hint();
  }

  async run(): Promise<void> {
    const { state, timings, isDeserted } = this.#world;
    const store = state.through(this.life, (kind, key) => key !== leaderKey && this.#note(kind));
    const leadership = {
      state: this.#timed(store),
      clock: this.clock,
      logger: silentLogger,
      timings,
      controllerId: this.name,
      address: this.name,
      token: 'token',
      isDeserted: async ({ address }: { address: string }) => isDeserted(address),
    };
    for (;;) {
      const lease = await acquireLeadership(leadership, this.#stop.signal);
      if (lease === undefined) return;
      await this.#lead(lease, store);
    }
  }

  async #lead(lease: Lease, store: Parameters<typeof acquireLeadership>[0]['state']): Promise<void> {
    const { cloud, queue, limits, caps, timings, random } = this.#world;
    const beats = new HeartbeatBook(this.clock);
    const { time } = this.#world;
    const seen = { list: Number.NEGATIVE_INFINITY, depth: Number.NEGATIVE_INFINITY };
    const isFresh = (at: number) => time.now - at <= timings.staleMs;
    const fleet = cloud.through(this.life, (kind) => this.#note(kind));
    const requests = queue.through(this.life, (kind) => this.#note(kind));
    const reconciler = new Reconciler({
      fleet: watched(fleet, 'list', seen, time),
      requests: watched(requests, 'depth', seen, time),
      store: new WatchedStore(store, {
        sawAll: () => isFresh(seen.list) && isFresh(seen.depth),
        onWritten: this.#world.onWritten,
      }),
      beats,
      lease,
      limits,
      caps,
      concurrency: 1,
      timings,
      clock: this.clock,
      random,
      logger: silentLogger,
    });
    this.#office = { lease, reconciler, beats };
    this.ledSince = this.#world.time.now;
    while (!lease.lost.aborted) {
      // Failures of a round are the next round's business.
      await reconciler.round().catch(() => undefined);
      await this.clock.sleep(timings.roundMs, lease.lost);
    }
    this.#office = undefined;
    this.ledSince = undefined;
    await lease[Symbol.asyncDispose]();
  }

  /** Whether it has called anything oftener within some minute than it may. */
  checkCalls(): void {
    const { timings, fail } = this.#world;
    for (const [kind, times] of this.#calls) {
      const most = mostCallsPerMinute(kind, timings);
      // Each leadership has gates of its own, and none lasts for less than a lease.
      const allowed = most * 2;
      const isOver = times.some(
        (at, index) => (times[index + allowed] ?? Number.POSITIVE_INFINITY) - at < 60_000,
      );
      if (isOver) fail(`${this.name} made more than ${allowed} calls of kind ${kind} in a minute`);
    }
  }

  /** Notes since when the lease lasts. */
  #timed(store: ObjectStore): ObjectStore {
    const put: ObjectStore['put'] = async (key, ...rest) => {
      const begunAt = this.#world.time.now;
      const outcome = await store.put(key, ...rest);
      if (key === leaderKey) this.#leasedAt = begunAt;
      return outcome;
    };
    return { ...store, put };
  }

  #note(kind: CallKind): void {
    const times = this.#calls.get(kind) ?? [];
    this.#calls.set(kind, times);
    times.push(this.#world.time.now);
    const isLook = kind === 'list' || kind === 'depth' || kind === 'read books';
    if (!isLook && !this.#hasEnoughOfLease)
      this.#world.fail(`${this.name} called ${kind} without enough of its lease`);
  }
}

/** The port, which notes when the last such call was asked that told something. */
function watched<T extends object, K extends string>(
  port: T,
  operation: K,
  seen: Record<K, number>,
  time: VirtualTime,
): T {
  const call = (port as Record<K, () => Promise<unknown>>)[operation];
  const noted = async () => {
    const askedAt = time.now;
    seen[operation] = Number.NEGATIVE_INFINITY;
    const told = await call();
    seen[operation] = askedAt;
    return told;
  };
  return { ...port, [operation]: noted };
}

class WatchedStore extends FleetStateStore {
  readonly #watch: Pick<ControllerWorld, 'onWritten'> & { readonly sawAll: () => boolean };
  #before: FleetState | undefined;

  constructor(
    store: ConstructorParameters<typeof FleetStateStore>[0],
    watch: Pick<ControllerWorld, 'onWritten'> & { readonly sawAll: () => boolean },
  ) {
    super(store);
    this.#watch = watch;
  }

  override async load() {
    const loaded = await super.load();
    this.#before = loaded.state;
    return loaded;
  }

  override async save(state: FleetState, etag: string | undefined): Promise<string> {
    const before = this.#before;
    // It was decided just now, however long the call takes.
    const sawAll = this.#watch.sawAll();
    const saved = await super.save(state, etag);
    this.#before = state;
    this.#watch.onWritten(state, before, sawAll);
    return saved;
  }
}
