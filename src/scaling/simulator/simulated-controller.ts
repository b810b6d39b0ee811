import { type Logger, silentLogger } from '../../logger.ts';
import type { Clock } from '../../ports/clock.ts';
import type { DecisionRecord } from '../fleet-state.ts';
import { emptyFleetState, FleetStateStore } from '../fleet-state.ts';
import { HeartbeatBook } from '../heartbeat-book.ts';
import type { ScalingLimits } from '../policy.ts';
import { Reconciler } from '../reconciler.ts';
import { scalingTimings } from '../timings.ts';
import { WakeUp } from '../wake-up.ts';
import { SimulatedBooks } from './books.ts';
import { Cloud, type CloudFaults, type Tenant } from './cloud.ts';
import type { Machine, Plant } from './plant.ts';
import type { Random } from './random.ts';
import { SimulatedWorker } from './simulated-worker.ts';
import { VirtualClock } from './virtual-clock.ts';

export interface ControllerSettings {
  readonly limits: ScalingLimits;
  readonly faults: CloudFaults;
  readonly random: Random;
  readonly concurrency: number;
  /** What the books remember of former days. */
  readonly serviceSeconds: number;
  readonly bootSeconds: number;
  readonly pollSeconds: number;
  /** Seconds between two deaths of the controller, on average; 0: it lives. The next one leads when the lease is over. */
  readonly deathsEverySeconds: number;
  /** Seconds of an instance's life, on average, before the spot market takes it; 0: never. */
  readonly spotLifeSeconds: number;
  /** To hear what the controller tells, at times of its clock; default: silence. */
  readonly loggerAt?: (clock: Clock) => Logger;
}

const LEASE_SECONDS = 15;
const LEAST_ROUND_MS = 20;

/**
 * The controller of a deployment, the real one but for its ports: reconciler, estimators and policy, with workers that
 * tell it how they are.
 */
export class SimulatedController {
  readonly clock: VirtualClock;
  readonly cloud: Cloud;
  readonly #plant: Plant;
  readonly #settings: ControllerSettings;
  readonly #books: SimulatedBooks;
  readonly #workers = new Map<Machine, SimulatedWorker>();
  readonly #logger: Logger;
  #office: { reconciler: Reconciler; beats: HeartbeatBook; wakeUp: WakeUp } | undefined;
  #epoch = 0;

  constructor(plant: Plant, settings: ControllerSettings) {
    this.#plant = plant;
    this.#settings = settings;
    this.clock = new VirtualClock(plant.events);
    this.cloud = new Cloud(plant, this.clock, settings.faults, settings.random.fork());
    this.#logger = settings.loggerAt?.(this.clock) ?? silentLogger;
    this.#books = new SimulatedBooks(this.clock, settings.faults.callSeconds);
    this.cloud.onUp = (tenant) => this.#plug(tenant);
    plant.onChange = (machine) => {
      const worker = this.#workers.get(machine);
      if (machine.state === 'ready') worker?.begin();
      if (machine.state === 'draining') worker?.hasDrained();
    };
    plant.onArrival = () => this.#hint();
    plant.events.at(0, () => void this.#lead());
    this.#planDeath();
  }

  /** The last decisions, newest first. */
  async decisions(): Promise<readonly DecisionRecord[]> {
    return (await this.#store().load()).state.decisions;
  }

  /** Lets it go on for so long, to see what came of the last thing it did. */
  async look(seconds: number): Promise<void> {
    const { events } = this.#plant;
    for (const end = events.now + seconds; events.now < end && events.runNext(); ) await this.clock.settle();
  }

  #store(): FleetStateStore {
    return new FleetStateStore(this.#books);
  }

  #plug(tenant: Tenant): void {
    const { random, concurrency, pollSeconds, serviceSeconds, spotLifeSeconds } = this.#settings;
    const worker = new SimulatedWorker({
      tenant,
      plant: this.#plant,
      beatSeconds: 2,
      pollSeconds,
      concurrency,
      serviceSeconds,
      random: () => random.next(),
      send: (beat) => {
        const office = this.#office;
        const order = office?.reconciler.orderFor(beat);
        if (office === undefined || order === undefined) return undefined;
        if (office.beats.note(beat)) office.wakeUp.call();
        this.clock.touch();
        return order;
      },
    });
    this.#workers.set(tenant.machine, worker);
    if (spotLifeSeconds > 0) {
      this.#plant.events.after(random.exponential(spotLifeSeconds), () => this.cloud.kill(tenant));
    }
  }

  /** As the web tier gives it: of use when nothing is there that would look soon. */
  #hint(): void {
    if (this.#plant.machines.length > 0) return;
    this.#office?.reconciler.hint();
    this.#office?.wakeUp.call();
    this.clock.touch();
  }

  async #lead(): Promise<void> {
    const { limits, concurrency, bootSeconds, random } = this.#settings;
    const beats = new HeartbeatBook(this.clock);
    const timings = scalingTimings({
      roundMs: limits.lookSeconds * 1000,
      listingLagMs: this.#settings.faults.listLagSeconds * 1000 + 2000,
      visibilityTimeoutSeconds: 30,
      bootSeconds,
    });
    const epoch = ++this.#epoch;
    const store = this.#store();
    if (epoch === 1) {
      const { serviceSeconds } = this.#settings;
      await store.save({ ...emptyFleetState(), epoch, serviceSeconds }, undefined);
    }
    const reconciler = new Reconciler({
      fleet: this.cloud,
      requests: this.cloud.requests,
      store,
      beats,
      lease: { epoch, mayChange: () => this.#epoch === epoch },
      limits,
      concurrency,
      timings,
      clock: this.clock,
      random: () => random.next(),
      logger: this.#logger,
    });
    const wakeUp = new WakeUp(this.clock);
    this.#office = { reconciler, beats, wakeUp };
    const never = new AbortController().signal;
    while (this.#epoch === epoch) {
      // What makes a round impossible makes the next one start afresh, as in the controller.
      await reconciler.round().catch(() => {});
      await this.clock.sleep(LEAST_ROUND_MS);
      await wakeUp.pause(limits.lookSeconds * 1000 - LEAST_ROUND_MS, never);
    }
  }

  #planDeath(): void {
    const { deathsEverySeconds, random } = this.#settings;
    if (deathsEverySeconds === 0) return;
    this.#plant.events.after(random.exponential(deathsEverySeconds), () => {
      this.#epoch++;
      this.#office = undefined;
      this.#plant.events.after(LEASE_SECONDS, () => void this.#lead());
      this.#planDeath();
    });
  }
}
