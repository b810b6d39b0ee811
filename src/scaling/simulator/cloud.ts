import {
  CapacityUnavailableError,
  FacefleetError,
  NotFoundError,
  ThrottledError,
  UnavailableError,
} from '../../errors.ts';
import type { Fleet, Instance, LaunchRequest } from '../../ports/fleet.ts';
import type { QueueDepth } from '../../ports/queue.ts';
import type { Machine, Plant } from './plant.ts';
import type { Random } from './random.ts';
import type { VirtualClock } from './virtual-clock.ts';

/** How a cloud misbehaves. Shares are of calls. */
export interface CloudFaults {
  /** What a call takes. */
  readonly callSeconds: number;
  /** An instance shows in the list only so long after its launch. */
  readonly listLagSeconds: number;
  /** The queue's counts are that old. */
  readonly countLagSeconds: number;
  /** The counts are wrong by up to this part, up or down. */
  readonly countNoise: number;
  /** The counts say that nothing is there. */
  readonly phantomZeroShare: number;
  readonly throttledShare: number;
  /** Launches for which there is no room. */
  readonly noCapacityShare: number;
  /** Calls that are carried out and whose answer is lost. */
  readonly lostAnswerShare: number;
}

export const NO_FAULTS: CloudFaults = {
  callSeconds: 0.05,
  listLagSeconds: 0,
  countLagSeconds: 0,
  countNoise: 0,
  phantomZeroShare: 0,
  throttledShare: 0,
  noCapacityShare: 0,
  lostAnswerShare: 0,
};

/** As SQS and EC2 can be on a bad day. */
export const BAD_DAY: CloudFaults = {
  callSeconds: 0.2,
  listLagSeconds: 5,
  countLagSeconds: 3,
  countNoise: 0.1,
  phantomZeroShare: 0.03,
  throttledShare: 0.03,
  noCapacityShare: 0.03,
  lostAnswerShare: 0.01,
};

/** A machine and the launch that it came from. */
export interface Tenant {
  readonly id: string;
  readonly request: LaunchRequest;
  readonly machine: Machine;
  launchedAt: number;
  endedAt: number | undefined;
}

interface Count {
  readonly at: number;
  readonly waiting: number;
  readonly inFlight: number;
}

const TERMINATED_SHOWN_SECONDS = 60;

/** The plant through the ports of a deployment. */
export class Cloud implements Fleet {
  readonly name = 'simulated';
  readonly tenants = new Map<string, Tenant>();
  /** Requests of a fleet's queue; the others of the port are not the controller's business. */
  readonly requests: { depth(): Promise<QueueDepth>; readonly countsExactly: boolean };
  calls = 0;
  onUp: (tenant: Tenant) => void = () => {};
  readonly #plant: Plant;
  readonly #clock: VirtualClock;
  readonly #faults: CloudFaults;
  readonly #random: Random;
  readonly #tokens = new Map<string, Tenant>();
  #counts: Count[] = [];

  constructor(plant: Plant, clock: VirtualClock, faults: CloudFaults, random: Random) {
    this.#plant = plant;
    this.#clock = clock;
    this.#faults = faults;
    this.#random = random;
    const countsExactly =
      faults.countLagSeconds === 0 && faults.countNoise === 0 && faults.phantomZeroShare === 0;
    this.requests = { depth: () => this.#call(() => this.#depth(countsExactly)), countsExactly };
  }

  list(): Promise<Instance[]> {
    return this.#call(() => {
      const { now } = this.#plant;
      const shown = [...this.tenants.values()].filter(
        ({ launchedAt, endedAt }) =>
          now - launchedAt >= this.#faults.listLagSeconds &&
          (endedAt === undefined || now - endedAt < TERMINATED_SHOWN_SECONDS),
      );
      return shown.map((tenant) => this.#toInstance(tenant));
    });
  }

  launch(request: LaunchRequest): Promise<Instance> {
    return this.#call(() => {
      const known = this.#tokens.get(request.token);
      if (known !== undefined) return this.#toInstance(known);
      if (this.#happens(this.#faults.noCapacityShare)) throw new CapacityUnavailableError('none left');
      const machine = this.#plant.launch();
      const id = `i-${machine.id}`;
      const tenant: Tenant = { id, request, machine, launchedAt: this.#plant.now, endedAt: undefined };
      this.tenants.set(id, tenant);
      this.#tokens.set(request.token, tenant);
      this.onUp(tenant);
      return this.#toInstance(tenant);
    });
  }

  start(id: string): Promise<void> {
    return this.#call(() => {
      const tenant = this.tenants.get(id);
      if (tenant === undefined) throw new NotFoundError('no such instance', { context: { instance: id } });
      if (tenant.machine.state === 'gone') throw new FacefleetError('conflict', 'the instance is gone');
      if (tenant.machine.state !== 'stopped') return;
      this.#plant.start(tenant.machine);
      this.onUp(tenant);
    });
  }

  stop(id: string): Promise<void> {
    return this.#call(() => this.#end(id, 'stopped'));
  }

  terminate(id: string): Promise<void> {
    return this.#call(() => this.#end(id, 'gone'));
  }

  /** By others: a spot instance is taken away. */
  kill({ id }: Tenant): void {
    this.#end(id, 'gone');
  }

  #end(id: string, then: 'gone' | 'stopped'): void {
    const tenant = this.tenants.get(id);
    if (tenant === undefined) return;
    this.#plant.end(tenant.machine, then);
    if (then === 'gone') tenant.endedAt ??= this.#plant.now;
  }

  #toInstance({ id, request, machine, launchedAt }: Tenant): Instance {
    const states = {
      booting: 'pending',
      ready: 'running',
      draining: 'running',
      stopped: 'stopped',
      gone: 'terminated',
    } as const;
    const { slot, generation } = request;
    return { id, slot, generation, state: states[machine.state], launchedAt: new Date(launchedAt * 1000) };
  }

  #depth(isExact: boolean): QueueDepth {
    const { waiting, inFlight, now, oldestAgeSeconds } = this.#plant;
    if (isExact) return { visible: waiting, inFlight, delayed: 0, ...(waiting > 0 && { oldestAgeSeconds }) };
    const { countLagSeconds, countNoise, phantomZeroShare } = this.#faults;
    this.#counts.push({ at: now, waiting, inFlight });
    while (this.#counts.length > 1 && this.#counts[1]!.at <= now - countLagSeconds) this.#counts.shift();
    if (this.#happens(phantomZeroShare)) return { visible: 0, inFlight: 0, delayed: 0 };
    const told = this.#counts[0]!;
    const noisy = (count: number) => Math.round(count * (1 + countNoise * (2 * this.#random.next() - 1)));
    return { visible: noisy(told.waiting), inFlight: noisy(told.inFlight), delayed: 0 };
  }

  #call<T>(deed: () => T): Promise<T> {
    this.calls++;
    const { callSeconds, throttledShare, lostAnswerShare } = this.#faults;
    return this.#clock.later(callSeconds, () => {
      if (this.#happens(throttledShare)) throw new ThrottledError('too many calls');
      const result = deed();
      if (this.#happens(lostAnswerShare)) throw new UnavailableError('the connection was lost');
      return result;
    });
  }

  #happens(share: number): boolean {
    return share > 0 && this.#random.next() < share;
  }
}
