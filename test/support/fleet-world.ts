import assert from 'node:assert/strict';
import { silentLogger } from '../../src/logger.ts';
import type { Queue } from '../../src/ports/queue.ts';
import { type FleetState, FleetStateStore } from '../../src/scaling/fleet-state.ts';
import type { Heartbeat } from '../../src/scaling/heartbeat.ts';
import { HeartbeatBook } from '../../src/scaling/heartbeat-book.ts';
import { type Change, changeFleetState } from '../../src/scaling/operator.ts';
import type { ScalingLimits } from '../../src/scaling/policy.ts';
import { Reconciler } from '../../src/scaling/reconciler.ts';
import { scalingTimings } from '../../src/scaling/timings.ts';
import { FakeClock } from './fake-clock.ts';
import { MemoryFleet, MemoryMachines } from './memory-fleet.ts';
import { MemoryObjectStore } from './memory-object-store.ts';
import { MemoryQueueService } from './memory-queue.ts';
import { type Mortal, mortal } from './mortal.ts';

const STEP_MS = 250;
const BEAT_MS = 2000;
const VISIBILITY_SECONDS = 30;
export const TIMINGS = scalingTimings({
  roundMs: STEP_MS,
  listingLagMs: 2000,
  visibilityTimeoutSeconds: VISIBILITY_SECONDS,
  bootSeconds: 1,
});

interface SimulatedWorker {
  readonly id: string;
  readonly slot: number;
  readonly generation: number;
  readonly readyAt: number;
  state: Heartbeat['state'];
  job: { receipt: string; endsAt: number } | undefined;
  done: number;
  nextBeatAt: number;
  /** No heartbeat of it gets through. */
  isMute: boolean;
  /** It does not give back what it has in hand. */
  isObstinate?: boolean;
}

export interface ControllerInWorld {
  readonly reconciler: Reconciler;
  readonly beats: HeartbeatBook;
  readonly life: Mortal;
}

export interface WorldOptions {
  readonly limits?: Partial<ScalingLimits>;
  readonly bootMs?: number;
  readonly serviceMs?: number;
  /** Workers die when they would become ready. */
  readonly doWorkersCrash?: () => boolean;
}

/**
 * A queue, machines, workers on them and one leading controller after another, in steps of a quarter of a second of
 * simulated time. After every step it is checked that no slot has two living instances, and with every end of an
 * instance that it was not at work.
 */
export class FleetWorld {
  readonly clock = new FakeClock();
  readonly machines = new MemoryMachines(this.clock);
  readonly state = new MemoryObjectStore({ bucket: 'state', now: () => this.clock.now() });
  readonly fleet = new MemoryFleet({ machines: this.machines });
  readonly workers = new Map<string, SimulatedWorker>();
  /** Instances that were ended while they had a job in hand, by the controller. */
  readonly endedAtWork: string[] = [];
  /** When messages were given back because a drain took too long. */
  readonly releasedAt: number[] = [];
  /** The test has put instances there that nobody knows of. */
  hasStrays = false;
  /** Most instances that lived at once. */
  peak = 0;
  readonly #queues = new MemoryQueueService({ clock: this.clock });
  readonly #options: WorldOptions;
  #queue: Queue | undefined;
  #epoch = 0;
  controller: ControllerInWorld | undefined;

  constructor(options: WorldOptions = {}) {
    this.#options = options;
  }

  static async create(options?: WorldOptions): Promise<FleetWorld> {
    const world = new FleetWorld(options);
    world.#queue = await world.#queues.ensure('requests');
    world.controller = world.newController();
    return world;
  }

  get queue(): Queue {
    assert(this.#queue !== undefined);
    return this.#queue;
  }

  get queues(): MemoryQueueService {
    return this.#queues;
  }

  /** Another controller takes over: it begins with what is stored. */
  newController(life: Mortal = mortal()): ControllerInWorld {
    const beats = new HeartbeatBook(this.clock);
    const reconciler = new Reconciler({
      fleet: life.through(this.fleet),
      requests: life.through(this.queue),
      store: new FleetStateStore(life.through(this.state)),
      beats,
      lease: { epoch: ++this.#epoch, mayChange: () => true },
      limits: {
        preset: 'slo',
        minInstances: 0,
        maxInstances: 4,
        sloSeconds: 2,
        lookSeconds: 0.25,
        billingMinimumSeconds: 0,
        warmPool: 0,
        idleSeconds: 5,
        maxActionsPerRound: 10,
        ...this.#options.limits,
      },
      concurrency: 1,
      timings: TIMINGS,
      clock: this.clock,
      random: () => 1,
      logger: silentLogger,
    });
    return { reconciler, beats, life };
  }

  /** What an operator does, whether or not a controller lives. */
  async order<T>(change: (state: FleetState) => Change<T>): Promise<T> {
    return changeFleetState(new FleetStateStore(this.state), change);
  }

  async send(count: number): Promise<void> {
    await this.queue.sendBatch(Array.from({ length: count }, (_, index) => `job ${index}`));
  }

  get living(): SimulatedWorker[] {
    return [...this.workers.values()].filter(({ id }) => this.#isRunning(id));
  }

  async step(): Promise<void> {
    const controller = this.controller;
    if (controller !== undefined) {
      const atWork = this.living.filter(({ job }) => job !== undefined).map(({ id }) => id);
      await Promise.race([controller.reconciler.round(), controller.life.stopped]);
      this.endedAtWork.push(...atWork.filter((id) => !this.#isRunning(id)));
    }
    this.#boot();
    this.#checkSlots();
    await this.clock.advance(STEP_MS);
    for (const worker of this.living) await this.#work(worker);
  }

  async steps(seconds: number): Promise<void> {
    for (let at = 0; at < seconds * 1000; at += STEP_MS) await this.step();
  }

  /** Steps until it is so; fails after so many simulated seconds. */
  async until(what: string, isSo: () => boolean | Promise<boolean>, withinSeconds = 120): Promise<void> {
    for (let at = 0; at < withinSeconds * 1000; at += STEP_MS) {
      if (await isSo()) return;
      await this.step();
    }
    assert.fail(`not within ${withinSeconds} s: ${what}`);
  }

  /** Nothing lives and nothing waits. */
  async isAtRest(): Promise<boolean> {
    const { visible, inFlight, delayed } = await this.queue.depth();
    return visible + inFlight + delayed === 0 && this.living.length === 0;
  }

  crash(worker: { id: string }, reason?: string): void {
    this.fleet.end(worker.id, reason, 'itself');
  }

  kill(worker: { id: string }): void {
    this.fleet.end(worker.id, 'ended by SIGKILL', 'others');
  }

  #isRunning(id: string): boolean {
    return this.machines.all().some((machine) => machine.id === id && machine.state === 'running');
  }

  #boot(): void {
    for (const { id, request, state } of this.machines.all()) {
      if (state !== 'running' || this.workers.has(id)) continue;
      const { slot, generation } = request;
      const now = this.clock.now();
      this.workers.set(id, {
        id,
        slot,
        generation,
        readyAt: now + (this.#options.bootMs ?? 500),
        state: 'starting',
        job: undefined,
        done: 0,
        nextBeatAt: now + STEP_MS,
        isMute: false,
      });
    }
    this.peak = Math.max(this.peak, this.living.length);
  }

  #checkSlots(): void {
    if (this.hasStrays) return;
    const slots = this.living.map(({ slot }) => slot);
    assert.equal(new Set(slots).size, slots.length, `two instances in one slot: ${slots.join(', ')}`);
  }

  async #work(worker: SimulatedWorker): Promise<void> {
    const now = this.clock.now();
    if (worker.state === 'starting' && now >= worker.readyAt) {
      if (this.#options.doWorkersCrash?.()) return this.crash(worker, 'exit code 1');
      worker.state = 'running';
      worker.nextBeatAt = now;
    }
    if (worker.job !== undefined && now >= worker.job.endsAt) {
      await this.queue.delete(worker.job.receipt);
      worker.job = undefined;
      worker.done++;
    }
    if (worker.state === 'running' && worker.job === undefined) await this.#take(worker);
    if (worker.state === 'draining' && worker.job === undefined) {
      worker.state = 'drained';
      this.#beat(worker);
      this.fleet.end(worker.id, 'exit code 0');
      return;
    }
    if (now < worker.nextBeatAt) return;
    if (worker.job !== undefined) await this.queue.extend(worker.job.receipt, VISIBILITY_SECONDS);
    this.#beat(worker);
  }

  async #take(worker: SimulatedWorker): Promise<void> {
    const visibilityTimeoutSeconds = VISIBILITY_SECONDS;
    const [message] = await this.queue.receive({ max: 1, waitSeconds: 0, visibilityTimeoutSeconds });
    if (message === undefined) return;
    const endsAt = this.clock.now() + (this.#options.serviceMs ?? 500);
    worker.job = { receipt: message.receipt, endsAt };
  }

  #beat(worker: SimulatedWorker): void {
    worker.nextBeatAt = this.clock.now() + BEAT_MS;
    const controller = this.controller;
    const beat = this.#describe(worker);
    const order = worker.isMute ? undefined : controller?.reconciler.orderFor(beat);
    if (controller === undefined || order === undefined) return;
    controller.beats.note(beat);
    if (order === 'release' && worker.job !== undefined && worker.isObstinate !== true) {
      const { receipt } = worker.job;
      worker.job = undefined;
      this.releasedAt.push(this.clock.now());
      void this.queue.release(receipt);
    }
    if (order !== 'run' && worker.state === 'running') {
      worker.state = 'draining';
      worker.nextBeatAt = this.clock.now();
    }
  }

  #describe({ id, slot, generation, state, job, done, readyAt }: SimulatedWorker): Heartbeat {
    return {
      instanceId: id,
      slot,
      generation,
      pid: 1,
      state,
      busy: job === undefined ? 0 : 1,
      done,
      serviceSeconds: done === 0 ? 0 : (this.#options.serviceMs ?? 500) / 1000,
      concurrency: 1,
      galleryVersion: 0,
      residentBytes: 0,
      uptimeSeconds: (this.clock.now() - readyAt) / 1000,
    };
  }
}
