import type { Heartbeat, HeartbeatReply } from '../../../src/scaling/heartbeat.ts';
import type { Machine } from './cloud.ts';
import type { JobQueue } from './job-queue.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface WorkerOptions {
  readonly time: VirtualTime;
  readonly queue: JobQueue;
  readonly random: () => number;
  readonly bootMs: number;
  readonly serviceMs: number;
  readonly visibilityMs: number;
  readonly beatMs: number;
  /** Silent for so long, it counts as lost. */
  readonly lossMs: number;
  /** Of the boots, how many end in a crash, and how many never end. */
  readonly crashShare: number;
  readonly hangShare: number;
  /** To the controller that leads; undefined: none answered. */
  readonly tell: (beat: Heartbeat) => HeartbeatReply['order'] | undefined;
  readonly onCrash: (machine: Machine) => void;
  /** Its process has ended in order; on machines that are processes that is their end too. */
  readonly onEnd: (machine: Machine) => void;
}

/** A worker on a machine: one run, from boot to end. */
export class SimulatedWorker {
  readonly machine: Machine;
  readonly #options: WorkerOptions;
  readonly startedAt: number;
  state: Heartbeat['state'] = 'starting';
  isAlive = true;
  #job: { id: number; receipt: number; endsAt: number } | undefined;
  #readyAt: number;
  #done = 0;
  #nextBeatAt: number;
  #extendAt = 0;
  mutedUntil = 0;
  isObstinate = false;
  /** When a controller last answered it; before the first, when it began. */
  heardAt: number;
  /** When it was heard again after it had to be taken for lost. */
  lostUntil = Number.NEGATIVE_INFINITY;
  /** When it was first told to drain. */
  drainToldAt: number | undefined;
  /** A controller knows that it holds nothing and takes nothing. */
  hasAcknowledged = false;

  constructor(machine: Machine, options: WorkerOptions) {
    const { time, random, bootMs, hangShare } = options;
    this.machine = machine;
    this.#options = options;
    this.startedAt = time.now;
    this.heardAt = time.now;
    this.#nextBeatAt = time.now;
    const isHanging = random() < hangShare;
    this.#readyAt = isHanging ? Number.POSITIVE_INFINITY : time.now + bootMs * (0.7 + 0.6 * random());
  }

  get isBusy(): boolean {
    return this.#job !== undefined;
  }

  /** As at a signal: it finishes what it has in hand and ends. */
  drain(): void {
    if (this.state === 'starting' || this.state === 'running') this.state = 'draining';
  }

  /** The machine, or somebody, takes it away: its message comes back in time. */
  kill(): void {
    this.isAlive = false;
    this.#job = undefined;
  }

  step(): void {
    const { time, random, crashShare, onCrash } = this.#options;
    if (!this.isAlive) return;
    if (this.state === 'starting' && time.now >= this.#readyAt) {
      if (random() < crashShare) {
        this.kill();
        onCrash(this.machine);
        return;
      }
      this.state = 'running';
      this.#nextBeatAt = time.now;
    }
    this.#work();
    if (this.state === 'draining' && this.#job === undefined) {
      this.state = 'drained';
      this.#beat();
      this.isAlive = false;
      this.#options.onEnd(this.machine);
      return;
    }
    if (time.now >= this.#nextBeatAt) this.#beat();
  }

  #work(): void {
    const { time, queue, serviceMs, visibilityMs, random } = this.#options;
    const { now } = time;
    if (this.#job !== undefined && now >= this.#job.endsAt) {
      queue.finish(this.#job.id, this.#job.receipt);
      this.#job = undefined;
      this.#done++;
    }
    if (this.#job !== undefined && now >= this.#extendAt) {
      queue.extend(this.#job.id, this.#job.receipt, visibilityMs);
      this.#extendAt = now + visibilityMs / 3;
    }
    if (this.#job !== undefined || this.state !== 'running') return;
    const message = queue.receive(visibilityMs);
    if (message === undefined) return;
    this.#job = { ...message, endsAt: now + serviceMs * (0.5 + random()) };
    this.#extendAt = now + visibilityMs / 3;
  }

  #beat(): void {
    const { time, beatMs, lossMs, tell, queue } = this.#options;
    this.#nextBeatAt = time.now + beatMs;
    if (time.now < this.mutedUntil) return;
    const order = tell(this.#describe());
    if (order === undefined) return;
    if (time.now - this.heardAt >= lossMs) this.lostUntil = time.now;
    this.heardAt = time.now;
    if (this.state === 'drained') this.hasAcknowledged = true;
    if (order === 'run') return;
    this.drainToldAt ??= time.now;
    if (order === 'release' && this.#job !== undefined && !this.isObstinate) {
      queue.extend(this.#job.id, this.#job.receipt, 0);
      this.#job = undefined;
    }
    if (this.state === 'starting' || this.state === 'running') this.state = 'draining';
    this.#nextBeatAt = time.now;
  }

  #describe(): Heartbeat {
    const { serviceMs, time } = this.#options;
    const { slot, generation } = this.machine.request;
    return {
      instanceId: this.machine.id,
      slot,
      generation,
      pid: 1,
      state: this.state,
      busy: this.#job === undefined ? 0 : 1,
      done: this.#done,
      serviceSeconds: this.#done === 0 ? 0 : serviceMs / 1000,
      concurrency: 1,
      galleryVersion: 0,
      residentBytes: 0,
      uptimeSeconds: (time.now - this.startedAt) / 1000,
    };
  }
}
