import { FacefleetError, NotFoundError } from '../../src/errors.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { Fleet, Instance, InstanceState, LaunchRequest } from '../../src/ports/fleet.ts';

export type FleetOperation = Exclude<keyof Fleet, 'name' | 'terms'>;

/** `before`: the call does nothing; `after`: it is carried out and only its answer is lost. */
export type FailureMoment = 'before' | 'after';

interface Machine {
  readonly id: string;
  readonly request: LaunchRequest;
  readonly launchedAt: Date;
  state: InstanceState;
  reason: string | undefined;
  endedBy: 'itself' | 'others' | undefined;
}

/** The machines behind one or more MemoryFleets: what really runs, whoever looks. */
export class MemoryMachines {
  readonly clock: Clock;
  readonly byFleet = new Map<string, Machine[]>();
  serial = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  of(fleet: string): Machine[] {
    const machines = this.byFleet.get(fleet) ?? [];
    this.byFleet.set(fleet, machines);
    return machines;
  }

  all(): Machine[] {
    return [...this.byFleet.values()].flat();
  }
}

/**
 * A fleet in the memory of one test. It can be told what to fail next, before or after the deed; instances end when
 * told (at once) or when the test says so.
 */
export class MemoryFleet implements Fleet {
  readonly name: string;
  readonly #machines: MemoryMachines;
  readonly #failures: { operation: FleetOperation; error: Error; moment: FailureMoment }[] = [];
  /** Every call so far, oldest first. */
  readonly calls: { readonly operation: FleetOperation; readonly id?: string }[] = [];
  /** Instances launched that `list` does not show yet, as EC2's may not for a minute. */
  readonly unlisted = new Set<string>();
  /** What a launch decided on now would ask for. */
  currentTerms = 'any';

  constructor({ name = 'memory', machines }: { name?: string; machines: MemoryMachines }) {
    this.name = name;
    this.#machines = machines;
  }

  failNext(operation: FleetOperation, error: Error, moment: FailureMoment = 'before'): void {
    this.#failures.push({ operation, error, moment });
  }

  /** The instance ends, but not by the fleet. */
  end(id: string, reason = 'it crashed', endedBy?: 'itself' | 'others'): void {
    const machine = this.#find(id);
    if (machine === undefined) return;
    machine.state = 'terminated';
    machine.reason = reason;
    machine.endedBy = endedBy;
  }

  terms(): string {
    return this.currentTerms;
  }

  list(): Promise<Instance[]> {
    return this.#run('list', undefined, () => {
      const listed = this.#machines.of(this.name).filter(({ id }) => !this.unlisted.has(id));
      return listed.map((machine) => toInstance(machine));
    });
  }

  launch(request: LaunchRequest): Promise<Instance> {
    return this.#run('launch', undefined, () => {
      const machines = this.#machines.of(this.name);
      const known = machines.find((machine) => machine.request.token === request.token);
      if (known === undefined) {
        const id = `i-${String(++this.#machines.serial).padStart(4, '0')}`;
        const launchedAt = new Date(this.#machines.clock.now());
        const machine: Machine = {
          id,
          request,
          launchedAt,
          state: 'running',
          reason: undefined,
          endedBy: undefined,
        };
        machines.push(machine);
        return toInstance(machine);
      }
      const isSame = (['slot', 'generation', 'terms'] as const).every(
        (name) => known.request[name] === request[name],
      );
      if (!isSame) {
        throw new FacefleetError('conflict', 'the token belongs to another launch');
      }
      return toInstance(known);
    });
  }

  start(id: string): Promise<void> {
    return this.#run('start', id, () => {
      const machine = this.#find(id);
      if (machine === undefined) throw new NotFoundError('no such instance', { context: { instance: id } });
      if (machine.state === 'terminated') throw new FacefleetError('conflict', 'the instance is gone');
      machine.state = 'running';
    });
  }

  stop(id: string): Promise<void> {
    return this.#run('stop', id, () => {
      const machine = this.#find(id);
      if (machine?.state === 'running') machine.state = 'stopped';
    });
  }

  terminate(id: string): Promise<void> {
    return this.#run('terminate', id, () => {
      const machine = this.#find(id);
      if (machine !== undefined) machine.state = 'terminated';
    });
  }

  #find(id: string): Machine | undefined {
    return this.#machines.of(this.name).find((machine) => machine.id === id);
  }

  /** One turn of the event loop before the deed, so that calls of several controllers mix as they do in life. */
  async #run<T>(operation: FleetOperation, id: string | undefined, deed: () => T): Promise<T> {
    this.calls.push({ operation, ...(id === undefined ? {} : { id }) });
    await new Promise((resolve) => setImmediate(resolve));
    const index = this.#failures.findIndex((failure) => failure.operation === operation);
    const [failure] = index < 0 ? [] : this.#failures.splice(index, 1);
    if (failure?.moment === 'before') throw failure.error;
    const result = deed();
    if (failure !== undefined) throw failure.error;
    return result;
  }
}

function toInstance({ id, request, state, launchedAt, reason, endedBy }: Machine): Instance {
  const { slot, generation } = request;
  return {
    id,
    slot,
    generation,
    state,
    launchedAt,
    ...(reason === undefined ? {} : { stateReason: reason }),
    ...(endedBy === undefined ? {} : { endedBy }),
  };
}
