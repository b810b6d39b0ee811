import { fleetStateKey, leaderKey } from '../../../src/jobs/keys.ts';
import type { LaunchRequest } from '../../../src/ports/fleet.ts';
import type { SpendingCaps } from '../../../src/scaling/budget.ts';
import { type FleetState, FleetStateStore } from '../../../src/scaling/fleet-state.ts';
import { termSecondsOf } from '../../../src/scaling/growth.ts';
import type { Heartbeat, HeartbeatReply } from '../../../src/scaling/heartbeat.ts';
import { changeFleetState, drainSlot, pause, resume } from '../../../src/scaling/operator.ts';
import type { ScalingLimits } from '../../../src/scaling/policy.ts';
import type { ScalingTimings } from '../../../src/scaling/timings.ts';
import { Cloud, isLiving, type Machine, type Order, stateOf } from './cloud.ts';
import { SimulatedController } from './controllers.ts';
import { Faults } from './faults.ts';
import { JobQueue } from './job-queue.ts';
import { Life } from './life.ts';
import { OrderRecord } from './order-record.ts';
import { randomFrom } from './random.ts';
import type { Setting } from './schedule.ts';
import { WorldState } from './state-store.ts';
import { START, VirtualTime } from './virtual-time.ts';
import { SimulatedWorker } from './workers.ts';

const STEP_MS = 500;
const BEAT_MS = 2000;
const VISIBILITY_MS = 10_000;
const HOUR_MS = 3_600_000;

/** A promise of the reconciler, broken. */
export class BrokenPromise extends Error {}

/** As in life, scaled down so that a minute of simulated time has room for all of it. */
export function timingsOf({ listLagMs, bootMs }: Pick<Setting, 'listLagMs' | 'bootMs'>): ScalingTimings {
  return {
    roundMs: 1000,
    leaseMs: 9000,
    renewMs: 3000,
    leaseMarginMs: 2000,
    beatMs: BEAT_MS,
    lossMs: VISIBILITY_MS + 3 * BEAT_MS,
    bootMs: bootMs * 1.5,
    bootDeadlineMs: 25_000,
    drainDeadlineMs: 40_000,
    releaseMs: 6000,
    listingLagMs: listLagMs + 1000,
    staleMs: 6000,
    firstBackoffMs: 500,
    mostBackoffMs: 8000,
    firstProbeMs: 1000,
    mostProbeMs: 16_000,
    orphanMs: 10_000,
    predecessorMs: 20_000,
    booksLookMs: 1000,
    depthLagMs: 8000,
    depthConfirmMs: 1000,
    judgeProgressMs: 15_000,
    holdProgressMs: 20_000,
  };
}

/** Queue, machines, workers, controllers and everything that can go wrong with them. All of it follows from the setting and its seed. */
export class FaultWorld {
  readonly time = new VirtualTime();
  readonly setting: Setting;
  readonly timings: ScalingTimings;
  readonly random: () => number;
  readonly faults: Faults;
  readonly cloud: Cloud;
  readonly queue: JobQueue;
  readonly state: WorldState;
  readonly controllers: SimulatedController[] = [];
  readonly workers = new Map<string, SimulatedWorker>();
  readonly #operator: FleetStateStore;
  readonly #caps: SpendingCaps;
  readonly #limits: ScalingLimits;
  readonly #record = new OrderRecord();
  #broken: string | undefined;
  /** Since when nothing has been in the way of a launch. */
  #calmSince = 0;
  /** Orders to the fleet so far that could change something. */
  orders = 0;
  isPaused = false;

  constructor(setting: Setting) {
    this.setting = setting;
    this.timings = timingsOf(setting);
    this.random = randomFrom(setting.seed);
    const { time, random } = this;
    this.faults = new Faults(time, random);
    this.cloud = new Cloud({ ...setting, time, random, faults: this.faults });
    this.queue = new JobQueue({ ...setting, time, random, faults: this.faults });
    this.state = new WorldState(this.faults);
    const operatorLife = new Life(time, () => 0);
    const unharmed = new WorldState(new Faults(time, random), this.state);
    this.#operator = new FleetStateStore(unharmed.through(operatorLife, () => {}));
    this.#caps = { perHour: setting.capSeconds, perDay: null };
    this.#limits = limitsOf(setting);
    this.state.onPut = (key, text) => {
      if (key === fleetStateKey) this.#record.note(JSON.parse(text) as FleetState);
    };
    this.cloud.onOrder = (order, machine, request) => this.#onOrder(order, machine, request);
    this.cloud.onUp = (machine) => this.#onUp(machine);
    this.cloud.onAsked = (machine) => this.workers.get(machine.id)?.drain();
    this.cloud.onDown = (machine) => this.workers.get(machine.id)?.kill();
    this.addController();
  }

  addController(): void {
    const controller = new SimulatedController(`c${this.controllers.length + 1}`, {
      ...this,
      state: this.state,
      limits: this.#limits,
      caps: this.#caps,
      latencyMs: () =>
        this.setting.latencyMs === 0 ? 0 : Math.floor(this.random() * this.setting.latencyMs),
      isDeserted: (address) => this.#isDeserted(address),
      onWritten: (after, before, sawAll) => this.#onWritten(after, before, sawAll),
      fail: (what) => this.fail(what),
    });
    this.controllers.push(controller);
  }

  get living(): SimulatedController[] {
    return this.controllers.filter(({ life }) => !life.isDead);
  }

  /** The first thing that went wrong counts. */
  fail(what: string): void {
    this.#broken ??= `${what} (at ${this.time.now / 1000} s)`;
  }

  async run(seconds: number): Promise<void> {
    for (let at = 0; at < seconds * 1000; at += STEP_MS) await this.step();
  }

  async step(): Promise<void> {
    for (const worker of this.workers.values()) worker.step();
    this.queue.look();
    await this.time.advance(STEP_MS);
    this.#checkMachines();
    this.#checkLeaders();
    this.#checkBoot();
    if (this.#broken !== undefined) throw new BrokenPromise(this.#broken);
  }

  send(count: number): void {
    this.queue.send(count);
    if (this.setting.hints) for (const controller of this.controllers) controller.hint();
  }

  /** Something is in the way of launches from now on, or was until now. */
  disturb(): void {
    this.#calmSince = this.time.now;
  }

  async pause(): Promise<void> {
    await changeFleetState(this.#operator, (state) => pause(state, START + this.time.now));
    this.isPaused = true;
  }

  async resume(): Promise<void> {
    await changeFleetState(this.#operator, resume);
    this.isPaused = false;
    this.disturb();
  }

  async drain(slot: number): Promise<void> {
    // There may be none in it.
    await changeFleetState(this.#operator, (state) => drainSlot(state, slot)).catch(() => undefined);
  }

  async books(): Promise<FleetState> {
    return (await this.#operator.load()).state;
  }

  /** Nothing lives whose worker has ended or is about to. */
  get areAllAtWork(): boolean {
    return this.cloud.living.every(({ id }) => {
      const worker = this.workers.get(id);
      return worker?.isAlive === true && worker.state === 'running';
    });
  }

  get isQuiet(): boolean {
    return this.queue.isEmpty && this.cloud.living.length === this.#limits.minInstances;
  }

  #isDeserted(address: string): boolean {
    const known = this.controllers.find(({ name }) => name === address);
    return this.setting.isOneMachine && known?.life.isDead === true;
  }

  #onUp(machine: Machine): void {
    const { bootMs, serviceMs, crashShare, hangShare, isProcess } = this.setting;
    const { time, queue, random } = this;
    const worker = new SimulatedWorker(machine, {
      time,
      queue,
      random,
      bootMs,
      serviceMs,
      crashShare,
      hangShare,
      visibilityMs: VISIBILITY_MS,
      beatMs: BEAT_MS,
      lossMs: this.timings.lossMs,
      tell: (beat) => this.#tell(beat),
      onCrash: (crashed) => this.cloud.end(crashed, 'itself'),
      onEnd: (ended) => {
        if (isProcess) this.cloud.end(ended, 'itself');
      },
    });
    this.workers.set(machine.id, worker);
  }

  /** Whoever the leader record names, if it leads and answers. */
  #tell(beat: Heartbeat): HeartbeatReply['order'] | undefined {
    const text = this.state.text(leaderKey);
    if (text === undefined) return undefined;
    const { controllerId } = JSON.parse(text) as { controllerId: string };
    return this.controllers.find(({ name }) => name === controllerId)?.hear(beat);
  }

  #onOrder(order: Order, machine: Machine | undefined, asked: LaunchRequest | string): void {
    // A list that is behind may have one ended again that is gone, which does nothing.
    if (machine === undefined || stateOf(machine) !== 'terminated') this.orders++;
    const unwritten = this.#record.missing(order, asked);
    if (unwritten !== undefined) this.fail(unwritten);
    if (order === 'launch') {
      if (machine === undefined) this.#checkSpending();
      return;
    }
    if (machine === undefined) {
      this.fail(`${order} of ${asked}, which is none of ours`);
      return;
    }
    const isEnded = !isLiving(stateOf(machine)) || stateOf(machine) === 'stopping';
    if (order === 'start' || isEnded) return;
    const worker = this.workers.get(machine.id);
    if (worker?.isAlive === true) this.#checkEnd(order, worker);
    else this.#checkEndOfMute(order, machine, worker);
  }

  /** No process on it any more, or not yet: at least it must not be taken for lost too soon. */
  #checkEndOfMute(order: string, machine: Machine, worker: SimulatedWorker | undefined): void {
    if (worker !== undefined || order !== 'terminate') return;
    const silentMs = this.time.now - (machine.history.at(-1)?.at ?? machine.launchedAt);
    if (silentMs < this.timings.lossMs - this.timings.roundMs) {
      this.fail(`${machine.id} was ended ${silentMs} ms after it was to come up`);
    }
  }

  #checkEnd(order: string, worker: SimulatedWorker): void {
    const { lossMs, drainDeadlineMs } = this.timings;
    const isLost = this.time.now - worker.heardAt >= lossMs;
    // The call was under way when it was heard again.
    const wasLost = this.time.now - worker.lostUntil <= this.setting.latencyMs + 2 * STEP_MS;
    const isTooLate =
      worker.drainToldAt !== undefined && this.time.now - worker.drainToldAt >= drainDeadlineMs;
    if (worker.hasAcknowledged || isLost || wasLost || isTooLate) return;
    this.fail(
      `${order} of ${worker.machine.id}, which is ${worker.state}${worker.isBusy ? ' at work' : ''} and was heard ${this.time.now - worker.heardAt} ms ago`,
    );
  }

  /** What has really lived this hour, and what is set aside for those who live and for this launch, fit under the cap together. */
  #checkSpending(): void {
    const { capSeconds, hasClockJumps } = this.setting;
    if (capSeconds === null || hasClockJumps) return;
    const { now } = this.time;
    const hourStart = Math.floor((START + now) / HOUR_MS) * HOUR_MS - START;
    const spent = this.cloud.machines.reduce((sum, machine) => sum + secondsUp(machine, hourStart, now), 0);
    const term = termSecondsOf(this.timings);
    // Whoever came up lately may yet cost what was set aside for it.
    const remaining = this.cloud.living.map((machine) => {
      const since = machine.history.findLast(({ state }) => state === 'pending')?.at ?? machine.launchedAt;
      return Math.max(0, term - (now - since) / 1000);
    });
    const setAside = remaining.reduce((sum, one) => sum + one, term);
    if (spent + setAside > capSeconds + 1e-6) {
      this.fail(`a launch at ${spent} of ${capSeconds} instance-seconds, with ${setAside} set aside`);
    }
  }

  #checkMachines(): void {
    const living = this.cloud.living;
    if (living.length > this.setting.max) this.fail(`${living.length} live of ${this.setting.max}`);
    const slots = new Set(living.map(({ request }) => request.slot));
    if (slots.size < living.length) this.fail('two live in one slot');
  }

  /** One that is frozen counts: it goes on where it was. */
  #checkLeaders(): void {
    const leading = this.living.filter(({ mayChange }) => mayChange);
    if (leading.length > 1) this.fail(`${leading.map(({ name }) => name).join(' and ')} lead at once`);
  }

  /** Work waits, nothing lives, and for a while nothing has been in the way: then somebody must come. */
  #checkBoot(): void {
    const { waitingSince } = this.queue;
    const isHindered =
      this.faults.areAny ||
      this.isPaused ||
      !this.controllers.some(({ isLeading }) => isLeading) ||
      this.cloud.living.length > 0;
    if (isHindered) this.disturb();
    const { crashShare, hangShare, capSeconds } = this.setting;
    if (crashShare + hangShare > 0 || capSeconds !== null || waitingSince === undefined) return;
    const since = Math.max(this.#calmSince, waitingSince);
    const { mostBackoffMs, listingLagMs, depthLagMs, roundMs, predecessorMs } = this.timings;
    // A new leader starts nothing that the one before may be about to stop.
    const patienceMs = this.setting.warmPool > 0 ? predecessorMs : 0;
    if (this.time.now - since > mostBackoffMs + listingLagMs + depthLagMs + patienceMs + 4 * roundMs) {
      this.fail('work has waited, nothing was in the way, and nobody was launched');
    }
  }

  #onWritten(after: FleetState, before: FleetState | undefined, sawAll: boolean): void {
    if (sawAll || before === undefined) return;
    if (after.desired < Math.min(before.desired, this.setting.max)) {
      this.fail(`desired fell from ${before.desired} to ${after.desired} without sight of queue and fleet`);
    }
  }

  /** As it is stored. */
  get storedBooks(): string | undefined {
    return this.state.text(fleetStateKey);
  }
}

/** Seconds that the machine lived within the span. */
export function secondsUp(machine: Machine, from: number, until: number): number {
  let up = 0;
  machine.history.forEach(({ at, state }, index) => {
    const end = machine.history[index + 1]?.at ?? until;
    if (isLiving(state)) up += Math.max(0, Math.min(end, until) - Math.max(at, from));
  });
  return up / 1000;
}

function limitsOf({ min, max, warmPool, idleSeconds, billingMinimumSeconds }: Setting): ScalingLimits {
  return {
    preset: 'slo',
    minInstances: min,
    maxInstances: max,
    sloSeconds: 10,
    lookSeconds: 1,
    billingMinimumSeconds,
    warmPool,
    idleSeconds,
    maxActionsPerRound: 10,
  };
}
