import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { silentLogger } from '../../src/logger.ts';
import type { Queue } from '../../src/ports/queue.ts';
import { FleetStateStore } from '../../src/scaling/fleet-state.ts';
import type { Heartbeat } from '../../src/scaling/heartbeat.ts';
import { HeartbeatBook } from '../../src/scaling/heartbeat-book.ts';
import { Reconciler } from '../../src/scaling/reconciler.ts';
import { scalingTimings } from '../../src/scaling/timings.ts';
import { Ec2World } from './ec2-world.ts';
import { FakeClock } from './fake-clock.ts';
import type { FakeEc2 } from './fake-ec2/fake-ec2.ts';
import type { FakeInstance } from './fake-ec2/instance.ts';
import { MemoryObjectStore } from './memory-object-store.ts';
import { MemoryQueueService } from './memory-queue.ts';
import { type Mortal, mortal } from './mortal.ts';

const STEP_MS = 1000;
const BEAT_MS = 2000;
const BOOT_MS = 4000;
const SERVICE_MS = 1500;
const VISIBILITY_SECONDS = 30;
const TYPES = ['c7i.large', 'c7i.xlarge'];
const TIMINGS = scalingTimings({
  roundMs: STEP_MS,
  listingLagMs: 65_000,
  visibilityTimeoutSeconds: VISIBILITY_SECONDS,
  bootSeconds: 20,
});
export const MOST_INSTANCES = 5;

interface SimulatedWorker {
  readonly instance: FakeInstance;
  readonly slot: number;
  readonly generation: number;
  readonly readyAt: number;
  state: Heartbeat['state'];
  job: { readonly receipt: string; readonly endsAt: number } | undefined;
  done: number;
  nextBeatAt: number;
}

/**
 * One controller after another on a fake EC2 that is slow to tell, with simulated workers on its instances, in steps of
 * one second of simulated time; only the calls of EC2 are real. After every step it is checked that no slot has two
 * living instances, and no more live than may.
 */
export class CloudWorld implements AsyncDisposable {
  readonly clock: FakeClock;
  readonly #cloud: Ec2World;
  readonly #state: MemoryObjectStore;
  readonly #queue: Queue;
  readonly #workers = new Map<string, SimulatedWorker>();
  #controller: { reconciler: Reconciler; beats: HeartbeatBook; life: Mortal } | undefined;
  #epoch = 0;

  private constructor(clock: FakeClock, cloud: Ec2World, queue: Queue) {
    this.clock = clock;
    this.#cloud = cloud;
    this.#queue = queue;
    this.#state = new MemoryObjectStore({ bucket: 'state', now: () => clock.now() });
  }

  static async create(): Promise<CloudWorld> {
    // Requests are signed and dated: EC2 does not take a clock that is off.
    const clock = new FakeClock(Date.now());
    const cloud = await Ec2World.start({ clock, pendingMs: 3000, endingMs: 2000, describeLagMs: 3000 });
    const queue = await new MemoryQueueService({ clock }).ensure('requests');
    return new CloudWorld(clock, cloud, queue);
  }

  get ec2(): FakeEc2 {
    return this.#cloud.ec2;
  }

  get living(): FakeInstance[] {
    return this.ec2.inState('pending', 'running');
  }

  get isControlled(): boolean {
    return this.#controller !== undefined;
  }

  /** A new process: it remembers nothing but what is stored. */
  startController(life: Mortal = mortal()): void {
    const beats = new HeartbeatBook(this.clock);
    const fleet = this.#cloud.fleet({
      clock: this.clock,
      lookEveryMs: 2000,
      types: TYPES,
      markets: ['spot', 'on-demand'],
    });
    const reconciler = new Reconciler({
      fleet: life.through(fleet),
      requests: life.through(this.#queue),
      store: new FleetStateStore(life.through(this.#state)),
      beats,
      lease: { epoch: ++this.#epoch, mayChange: () => true },
      limits: {
        preset: 'slo',
        minInstances: 0,
        maxInstances: MOST_INSTANCES,
        sloSeconds: 2,
        lookSeconds: 1,
        billingMinimumSeconds: 0,
        warmPool: 0,
        idleSeconds: 10,
        maxActionsPerRound: 10,
      },
      concurrency: 1,
      timings: TIMINGS,
      clock: this.clock,
      random: () => 1,
      logger: silentLogger,
    });
    this.#controller = { reconciler, beats, life };
  }

  killController(): void {
    this.#controller = undefined;
  }

  async send(count: number): Promise<void> {
    for (let sent = 0; sent < count; sent += 10) {
      const bodies = Array.from({ length: Math.min(10, count - sent) }, (_, index) => `job ${sent + index}`);
      await this.#queue.sendBatch(bodies);
    }
  }

  async step(): Promise<void> {
    const controller = this.#controller;
    if (controller !== undefined) {
      const hasDied = controller.life.stopped.then(() => true);
      const round = controller.reconciler.round().then(() => false);
      if (await Promise.race([hasDied, round])) this.killController();
    }
    await this.#untilQuiet();
    this.#check();
    await this.clock.advance(STEP_MS);
    this.#boot();
    for (const worker of this.#workers.values()) {
      if (worker.instance.state === 'running') await this.#work(worker);
    }
  }

  /** Nothing lives and nothing waits. */
  async isAtRest(): Promise<boolean> {
    const { visible, inFlight, delayed } = await this.#queue.depth();
    const isOver = this.ec2.hypervisor.instances.size === this.ec2.inState('terminated').length;
    return isOver && visible + inFlight + delayed === 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cloud[Symbol.asyncDispose]();
  }

  /** What the controller has begun to ask is answered before time goes on. */
  async #untilQuiet(): Promise<void> {
    for (let quiet = 0; quiet < 2; ) {
      await pause(1);
      quiet = this.ec2.inFlight === 0 ? quiet + 1 : 0;
    }
  }

  #check(): void {
    const slots = this.living.map(({ tags }) => tags.get('facefleet:slot'));
    assert.equal(new Set(slots).size, slots.length, `two instances in one slot: ${slots.join(', ')}`);
    assert.ok(slots.length <= MOST_INSTANCES);
  }

  #boot(): void {
    for (const instance of this.ec2.inState('running')) {
      if (this.#workers.has(instance.id)) continue;
      const now = this.clock.now();
      this.#workers.set(instance.id, {
        instance,
        slot: Number(instance.tags.get('facefleet:slot')),
        generation: Number(instance.tags.get('facefleet:generation')),
        readyAt: now + BOOT_MS,
        state: 'starting',
        job: undefined,
        done: 0,
        nextBeatAt: now,
      });
    }
  }

  async #work(worker: SimulatedWorker): Promise<void> {
    const now = this.clock.now();
    if (worker.state === 'starting' && now >= worker.readyAt) {
      worker.state = 'running';
      worker.nextBeatAt = now;
    }
    if (worker.job !== undefined && now >= worker.job.endsAt) {
      await this.#queue.delete(worker.job.receipt);
      worker.job = undefined;
      worker.done++;
    }
    if (worker.state === 'running' && worker.job === undefined) await this.#take(worker);
    if (worker.state === 'draining' && worker.job === undefined) {
      // Its process ends; the machine waits for the controller to end it.
      worker.state = 'drained';
      worker.nextBeatAt = now;
    }
    if (now < worker.nextBeatAt) return;
    if (worker.job !== undefined) await this.#queue.extend(worker.job.receipt, VISIBILITY_SECONDS);
    this.#beat(worker);
  }

  async #take(worker: SimulatedWorker): Promise<void> {
    const visibilityTimeoutSeconds = VISIBILITY_SECONDS;
    const [message] = await this.#queue.receive({ max: 1, waitSeconds: 0, visibilityTimeoutSeconds });
    if (message === undefined) return;
    worker.job = { receipt: message.receipt, endsAt: this.clock.now() + SERVICE_MS };
  }

  #beat(worker: SimulatedWorker): void {
    const { instance, slot, generation, state, job, done, readyAt } = worker;
    const beat: Heartbeat = {
      instanceId: instance.id,
      slot,
      generation,
      pid: 1,
      state,
      busy: job === undefined ? 0 : 1,
      done,
      serviceSeconds: done === 0 ? 0 : SERVICE_MS / 1000,
      concurrency: 1,
      galleryVersion: 0,
      residentBytes: 0,
      uptimeSeconds: Math.max(0, (this.clock.now() - readyAt) / 1000),
    };
    const order = this.#controller?.reconciler.orderFor(beat);
    if (order === undefined) return;
    this.#controller?.beats.note(beat);
    // A process that has ended beats no more; its last word got through.
    worker.nextBeatAt = state === 'drained' ? Number.POSITIVE_INFINITY : this.clock.now() + BEAT_MS;
    if (order !== 'run' && state === 'running') worker.state = 'draining';
  }
}
