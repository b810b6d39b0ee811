import { CapacityUnavailableError, FacefleetError, NotFoundError } from '../../../src/errors.ts';
import type { Fleet, Instance, InstanceState, LaunchRequest } from '../../../src/ports/fleet.ts';
import type { Faults } from './faults.ts';
import type { Life } from './life.ts';
import { START, type VirtualTime } from './virtual-time.ts';

export interface Machine {
  readonly id: string;
  readonly request: LaunchRequest;
  readonly launchedAt: number;
  /** Every state with when it began, oldest first. */
  readonly history: { readonly at: number; readonly state: InstanceState }[];
  endedBy: 'itself' | 'others' | undefined;
}

export interface CloudOptions {
  readonly time: VirtualTime;
  readonly faults: Faults;
  readonly random: () => number;
  /** Lists may be this old. */
  readonly listLagMs: number;
  /** How long machines take to come up and to go. */
  readonly pendingMs: number;
  readonly canStop: boolean;
}

export type Order = 'launch' | 'start' | 'stop' | 'terminate';

/** The machines that there really are, and the API to them that controllers see. */
export class Cloud {
  readonly #options: CloudOptions;
  readonly machines: Machine[] = [];
  /** Hears of every order that is carried out, before it is. */
  onOrder: (order: Order, machine: Machine | undefined, asked: LaunchRequest | string) => void = () => {};
  /** A machine's time has come: whatever runs on it is to begin, to be told to end (with this long left), or is gone. */
  onUp: (machine: Machine) => void = () => {};
  onAsked: (machine: Machine) => void = () => {};
  onDown: (machine: Machine) => void = () => {};

  constructor(options: CloudOptions) {
    this.#options = options;
  }

  get living(): Machine[] {
    return this.machines.filter((machine) => isLiving(stateOf(machine)));
  }

  find(id: string): Machine | undefined {
    return this.machines.find((machine) => machine.id === id);
  }

  /** Its owner, or what runs on it, ends it: it is gone at once. */
  end(machine: Machine, endedBy: 'itself' | 'others'): void {
    if (stateOf(machine) === 'terminated') return;
    machine.endedBy = endedBy;
    this.#move(machine, 'terminated');
    this.onDown(machine);
  }

  through(life: Life, called: (kind: 'list' | Order) => void): Fleet {
    const { faults } = this.#options;
    const call = <T>(kind: 'list' | Order, deed: () => T): Promise<T> => {
      called(kind);
      return life.call(() => faults.around(kind, deed));
    };
    return {
      name: 'world',
      list: () => call('list', () => this.#list()),
      launch: (request) => call('launch', () => this.#launch(request)),
      start: (id) => call('start', () => this.#start(id)),
      stop: (id) => call('stop', () => this.#stop(id)),
      terminate: (id) => call('terminate', () => this.#terminate(id)),
    };
  }

  /** Each machine as it was a while ago, not all of them the same while. */
  #list(): Instance[] {
    const { time, random, listLagMs } = this.#options;
    const seen: Instance[] = [];
    for (const machine of this.machines) {
      const asOf = time.now - random() * listLagMs;
      const state = machine.history.findLast(({ at }) => at <= asOf)?.state;
      if (state !== undefined) seen.push(this.#instance(machine, state));
    }
    return seen;
  }

  #launch(request: LaunchRequest): Instance {
    const { time, pendingMs } = this.#options;
    const known = this.machines.find((machine) => machine.request.token === request.token);
    this.onOrder('launch', known, request);
    if (known !== undefined) {
      const isSame = known.request.slot === request.slot && known.request.generation === request.generation;
      if (!isSame) throw new FacefleetError('conflict', 'the token belongs to another launch');
      return this.#instance(known, stateOf(known));
    }
    const machine: Machine = {
      id: `i-${this.machines.length + 1}`,
      request,
      launchedAt: time.now,
      history: [{ at: time.now, state: 'pending' }],
      endedBy: undefined,
    };
    this.machines.push(machine);
    time.after(pendingMs, () => this.#comeUp(machine));
    return this.#instance(machine, 'pending');
  }

  #start(id: string): void {
    const machine = this.find(id);
    this.onOrder('start', machine, id);
    if (machine === undefined) throw new NotFoundError('no such instance');
    const state = stateOf(machine);
    if (state === 'running' || state === 'pending') return;
    if (state === 'stopping') throw new CapacityUnavailableError('it is still stopping');
    if (state !== 'stopped') throw new FacefleetError('conflict', `it is ${state}`);
    this.#move(machine, 'pending');
    this.#options.time.after(this.#options.pendingMs, () => this.#comeUp(machine));
  }

  #stop(id: string): void {
    const machine = this.find(id);
    this.onOrder('stop', machine, id);
    if (machine === undefined || !['running', 'pending'].includes(stateOf(machine))) return;
    if (!this.#options.canStop) throw new FacefleetError('conflict', 'it cannot be stopped');
    this.#goDown(machine, 'stopped');
  }

  #terminate(id: string): void {
    const machine = this.find(id);
    this.onOrder('terminate', machine, id);
    if (machine === undefined || stateOf(machine) === 'terminated') return;
    this.#goDown(machine, 'terminated');
  }

  #comeUp(machine: Machine): void {
    if (stateOf(machine) !== 'pending') return;
    this.#move(machine, 'running');
    this.onUp(machine);
  }

  #goDown(machine: Machine, end: 'stopped' | 'terminated'): void {
    if (stateOf(machine) === 'stopped') {
      this.#move(machine, end);
      return;
    }
    this.#move(machine, 'stopping');
    this.onAsked(machine);
    this.#options.time.after(this.#options.pendingMs, () => {
      // A stop that was overtaken by the end.
      if (stateOf(machine) !== 'stopping') return;
      this.#move(machine, end);
      this.onDown(machine);
    });
  }

  #move(machine: Machine, state: InstanceState): void {
    machine.history.push({ at: this.#options.time.now, state });
  }

  #instance(machine: Machine, state: InstanceState): Instance {
    const { slot, generation } = machine.request;
    const { endedBy } = machine;
    return {
      id: machine.id,
      slot,
      generation,
      state,
      launchedAt: new Date(START + machine.launchedAt),
      canStop: this.#options.canStop,
      ...(state === 'terminated' && endedBy !== undefined && { endedBy }),
    };
  }
}

export function stateOf(machine: Machine): InstanceState {
  return machine.history.at(-1)!.state;
}

export function isLiving(state: InstanceState): boolean {
  return state !== 'terminated' && state !== 'stopped';
}
