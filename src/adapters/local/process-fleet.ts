import { createHash, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { errorMessage, FacefleetError, NotFoundError } from '../../errors.ts';
import type { Logger } from '../../logger.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Fleet, Instance, InstanceState, LaunchRequest } from '../../ports/fleet.ts';
import { type Exit, spawnGated } from './gated-spawn.ts';
import { type Ending, type InstanceRecord, InstanceRegistry } from './instance-registry.ts';
import { type ProcessTable, systemProcessTable } from './process-table.ts';
import { openWorkerLog } from './worker-log.ts';

export interface ProcessFleetOptions {
  /** Fleets of different names know nothing of each other. */
  readonly name: string;
  /** Folder of the registry. */
  readonly folder: string;
  /** What an instance runs. It also gets FACEFLEET_INSTANCE_ID, _INSTANCE_SLOT and _INSTANCE_GENERATION. */
  readonly launch: {
    readonly command: string;
    readonly args: readonly string[];
    readonly environment: Readonly<Record<string, string | undefined>>;
  };
  /** A log file a slot, `worker-<slot>.log`. */
  readonly logDir: string;
  readonly logger: Logger;
  readonly clock: Clock;
  /** From the first, asking signal to the one that cannot be refused; default 10 s. */
  readonly graceSeconds?: number;
  readonly processTable?: ProcessTable;
}

/** How long an ended instance is listed, and its token known. */
const REMEMBER_ENDED_MS = 10 * 60_000;

/**
 * A fleet of processes on this machine, each the leader of a session of its own, so that it outlives the controller
 * that launched it, as a machine would; the next controller finds it in the registry.
 *
 * An instance's id is derived from its token, and its process runs only if it holds the claim on that id (see
 * `spawnGated`): whoever repeats a launch, at whatever point the one before died, gets the same instance.
 */
export class ProcessFleet implements Fleet {
  readonly name: string;
  readonly #options: ProcessFleetOptions;
  readonly #registry: InstanceRegistry;
  readonly #processTable: ProcessTable;
  readonly #graceMs: number;
  /** How this process's own children ended, by instance and run. */
  readonly #endings = new Map<string, Promise<Ending>>();

  constructor(options: ProcessFleetOptions) {
    this.name = options.name;
    this.#options = options;
    this.#registry = new InstanceRegistry(join(options.folder, encodeURIComponent(options.name)));
    this.#processTable = options.processTable ?? systemProcessTable;
    this.#graceMs = (options.graceSeconds ?? 10) * 1000;
  }

  async list(): Promise<Instance[]> {
    const ids = await this.#registry.ids();
    const records = await Promise.all(ids.map((id) => this.#readOrForget(id)));
    const known = records.filter((record) => record !== undefined);
    const alive = await this.#alive(known);
    const instances = await Promise.all(known.map((record) => this.#settle(record, alive.has(record.id))));
    return instances.filter((instance) => instance !== undefined);
  }

  async launch(request: LaunchRequest): Promise<Instance> {
    const id = this.#idOf(request.token);
    let record = await this.#registry.read(id);
    if (record === undefined) {
      await this.#run(id, 1, request);
      record = await this.#existing(id);
    }
    const { slot, generation } = record.run;
    if (slot !== request.slot || generation !== request.generation) {
      throw new FacefleetError('conflict', 'the token belongs to the launch of another slot or generation', {
        context: {
          instance: id,
          slot,
          generation,
          askedSlot: request.slot,
          askedGeneration: request.generation,
        },
      });
    }
    return this.#instance(record);
  }

  async start(id: string): Promise<void> {
    const record = await this.#existing(id);
    const { state } = await this.#instance(record);
    if (state === 'running') return;
    if (state !== 'stopped') {
      throw new FacefleetError('conflict', `only a stopped instance can be started, this one is ${state}`, {
        context: { instance: id },
      });
    }
    await this.#run(id, record.run.number + 1, record.run);
  }

  async stop(id: string): Promise<void> {
    const record = await this.#registry.read(id);
    if (record === undefined || !(await this.#isAlive(record))) return;
    const isFirst = await this.#registry.noteStop(id, record.run.number, this.#options.clock.now());
    if (isFirst) await this.#endInTime(record);
  }

  async terminate(id: string): Promise<void> {
    const record = await this.#registry.read(id);
    if (record === undefined || record.ended !== undefined) return;
    // A second asking signal would tell a worker to drop what it is finishing: only the first order sends one.
    const isFirst = await this.#registry.noteTerminate(id, this.#options.clock.now());
    if (isFirst) await this.#endInTime(record);
  }

  #idOf(token: string): string {
    const hash = createHash('sha256').update(`${this.name}\n${token}`).digest('hex');
    return `i-${hash.slice(0, 17)}`;
  }

  /** Starts the process of one run, unless somebody else is first. */
  async #run(id: string, number: number, { slot, generation, token }: LaunchRequest): Promise<void> {
    const nonce = randomUUID();
    const { launch, logDir, clock, logger } = this.#options;
    await using log = await openWorkerLog(join(logDir, `worker-${slot}.log`));
    const gate = await spawnGated({
      ...launch,
      ...this.#registry.paths(id, number),
      environment: {
        ...launch.environment,
        FACEFLEET_INSTANCE_ID: id,
        FACEFLEET_INSTANCE_SLOT: String(slot),
        FACEFLEET_INSTANCE_GENERATION: String(generation),
      },
      nonce,
      logDescriptor: log.fd,
    });
    try {
      const { pid } = gate;
      const startMark = (await this.#processTable.startMarks([pid])).get(pid) ?? 'ended before it was seen';
      const run = { slot, generation, token, pid, startMark, launchedAt: clock.now() };
      const isOurs = await this.#registry.claim(id, number, nonce, run);
      if (isOurs) this.#endings.set(`${id}/${number}`, gate.ended.then(endingOf));
      logger.debug({ instanceId: id, slot, generation, pid, isOurs }, 'started a process');
    } finally {
      gate.open();
    }
  }

  async #existing(id: string): Promise<InstanceRecord> {
    const record = await this.#registry.read(id);
    if (record === undefined) {
      throw new NotFoundError('there is no such instance', { context: { instance: id, fleet: this.name } });
    }
    return record;
  }

  async #alive(records: readonly InstanceRecord[]): Promise<ReadonlySet<string>> {
    const candidates = records.filter((record) => record.ended === undefined);
    const marks = await this.#processTable.startMarks(candidates.map(({ run }) => run.pid));
    const alive = candidates.filter(({ run }) => marks.get(run.pid) === run.startMark);
    return new Set(alive.map(({ id }) => id));
  }

  async #isAlive(record: InstanceRecord): Promise<boolean> {
    return (await this.#alive([record])).has(record.id);
  }

  async #instance(record: InstanceRecord): Promise<Instance> {
    return toInstance(record, (await this.#isAlive(record)) ? undefined : await this.#ending(record));
  }

  /** Of a process that is dead: its exit is known at once if it was ours, and never if it was not. */
  async #ending({ id, run, ended }: InstanceRecord): Promise<Ending> {
    return ended ?? (await this.#endings.get(`${id}/${run.number}`)) ?? { reason: 'its process is gone' };
  }

  /** Notes an end, carries out orders whose grace time is over (their giver may be dead), forgets what ended long ago. */
  async #settle(record: InstanceRecord, isAlive: boolean): Promise<Instance | undefined> {
    const ending = isAlive ? undefined : await this.#ending(record);
    const instance = toInstance(record, ending);
    const now = this.#options.clock.now();
    if (record.ended !== undefined && now - record.ended.at > REMEMBER_ENDED_MS) {
      await this.#registry.forget(record.id);
      return undefined;
    }
    if (instance.state === 'terminated' && record.ended === undefined && ending !== undefined) {
      await this.#registry.noteEnded(record.id, now, ending);
      this.#endings.delete(`${record.id}/${record.run.number}`);
    }
    const orderedAt = record.terminateOrderedAt ?? record.stopOrderedAt;
    if (isAlive && orderedAt !== undefined && now - orderedAt > this.#graceMs) await this.#kill(record);
    return instance;
  }

  /** A folder without a claim is a launch under way, or one that died before it happened: the latter go in time. */
  async #readOrForget(id: string): Promise<InstanceRecord | undefined> {
    try {
      const record = await this.#registry.read(id);
      if (record !== undefined) return record;
    } catch (error) {
      // After a power cut a claim can be empty; no process has survived that either.
      if (!(error instanceof FacefleetError && error.code === 'data-corrupt')) throw error;
      this.#options.logger.warn({ instanceId: id, error: errorMessage(error) }, 'unreadable fleet entry');
    }
    const idleMs = this.#options.clock.now() - (await this.#registry.touchedAt(id));
    if (idleMs > REMEMBER_ENDED_MS) await this.#registry.forget(id);
    return undefined;
  }

  async #endInTime(record: InstanceRecord): Promise<void> {
    if (await this.#isAlive(record)) signal(record.run.pid, 'SIGTERM');
    setTimeout(() => {
      this.#kill(record).catch((error: unknown) => {
        // `list` kills it then.
        this.#options.logger.warn(
          { instanceId: record.id, error: errorMessage(error) },
          'could not end a process',
        );
      });
    }, this.#graceMs).unref();
  }

  /** Ends the process and whatever it has started in its group. */
  async #kill(record: InstanceRecord): Promise<void> {
    if (await this.#isAlive(record)) signal(-record.run.pid, 'SIGKILL');
  }
}

/** A signal that a process gives itself when it breaks is its own doing, others are not. */
const OWN_SIGNALS: readonly unknown[] = ['SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGSEGV', 'SIGTRAP'];

function endingOf({ code, signal }: Exit): Ending {
  const isOwnDoing = signal === null || OWN_SIGNALS.includes(signal);
  return {
    reason: signal === null ? `exit code ${code}` : `ended by ${signal}`,
    endedBy: isOwnDoing ? 'itself' : 'others',
  };
}

/** Without an ending it lives. */
function toInstance(record: InstanceRecord, ending: Ending | undefined): Instance {
  const { id, run } = record;
  return {
    id,
    slot: run.slot,
    generation: run.generation,
    state: stateOf(record, ending === undefined),
    launchedAt: new Date(run.launchedAt),
    ...(ending && { stateReason: ending.reason }),
    ...(ending?.endedBy && { endedBy: ending.endedBy }),
  };
}

function stateOf(record: InstanceRecord, isAlive: boolean): InstanceState {
  if (record.ended !== undefined) return 'terminated';
  if (isAlive) {
    return record.terminateOrderedAt === undefined && record.stopOrderedAt === undefined
      ? 'running'
      : 'stopping';
  }
  return record.terminateOrderedAt === undefined && record.stopOrderedAt !== undefined
    ? 'stopped'
    : 'terminated';
}

function signal(target: number, name: NodeJS.Signals): void {
  try {
    process.kill(target, name);
  } catch (error) {
    // It ended meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
