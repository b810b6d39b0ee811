import { EventQueue } from './event-queue.ts';
import type { Random } from './random.ts';

export interface Job {
  readonly arrivedAt: number;
  finishedAt: number;
  /** How often it was begun; more than once when instances died at it. */
  attempts: number;
}

export type MachineState = 'booting' | 'ready' | 'draining' | 'stopped' | 'gone';

export interface Machine {
  readonly id: number;
  state: MachineState;
  /** Since when it has been paid for: its launch, or its last start. */
  upAt: number;
  readyAt: number;
  inHand: Job[];
  done: number;
}

export interface PlantOptions {
  /** Seconds, ascending. */
  readonly arrivals: readonly number[];
  readonly serviceSeconds: (random: Random) => number;
  /** Infinity: it hangs. */
  readonly bootSeconds: (random: Random, source: 'launch' | 'start') => number;
  readonly concurrency: number;
  readonly billingMinimumSeconds: number;
  readonly visibilityTimeoutSeconds: number;
  readonly random: Random;
}

/** What was there at a time; a line for every change. */
export interface Moment {
  readonly at: number;
  readonly waiting: number;
  readonly ready: number;
  /** Booting, ready or draining: whatever is paid for. */
  readonly up: number;
}

/**
 * The queue, the machines and the jobs of a simulated deployment. Whoever scales it launches, drains and ends machines;
 * it works off the queue in the order of arrival and keeps the accounts.
 */
export class Plant {
  readonly events = new EventQueue();
  readonly jobs: Job[];
  readonly machines: Machine[] = [];
  readonly history: Moment[] = [];
  /** Instance-seconds paid for machines that are no longer up. */
  paidSeconds = 0;
  launches = 0;
  ends = 0;
  /** Jobs done so far. */
  completed = 0;
  /** Jobs that came so far. */
  arrived = 0;
  /** Called when a machine becomes ready or has drained. */
  onChange: (machine: Machine) => void = () => {};
  onArrival: () => void = () => {};
  readonly #options: PlantOptions;
  #waiting: Job[] = [];
  #head = 0;
  #hidden = 0;

  constructor(options: PlantOptions) {
    this.#options = options;
    this.jobs = options.arrivals.map((arrivedAt) => ({ arrivedAt, finishedAt: Number.NaN, attempts: 0 }));
    this.#planArrival(0);
  }

  get now(): number {
    return this.events.now;
  }

  get waiting(): number {
    return this.#waiting.length - this.#head;
  }

  /** In hand, or hidden since the machine died that had it. */
  get inFlight(): number {
    return this.#hidden + this.machines.reduce((sum, { inHand }) => sum + inHand.length, 0);
  }

  get oldestAgeSeconds(): number {
    const oldest = this.#waiting[this.#head];
    return oldest === undefined ? 0 : this.now - oldest.arrivedAt;
  }

  get isDone(): boolean {
    return this.completed === this.jobs.length;
  }

  /** Nothing is up that is paid for. */
  get isDown(): boolean {
    return this.machines.every(({ state }) => state === 'stopped');
  }

  /** Paid for until now. */
  get costSeconds(): number {
    return this.machines.reduce((sum, machine) => sum + this.#billOf(machine), this.paidSeconds);
  }

  launch(): Machine {
    const machine: Machine = {
      id: this.launches++,
      state: 'booting',
      upAt: this.now,
      readyAt: Number.POSITIVE_INFINITY,
      inHand: [],
      done: 0,
    };
    this.machines.push(machine);
    this.#boot(machine, 'launch');
    return machine;
  }

  start(machine: Machine): void {
    if (machine.state !== 'stopped') return;
    machine.state = 'booting';
    machine.upAt = this.now;
    this.launches++;
    this.#boot(machine, 'start');
  }

  /** It takes no more jobs; `onChange` tells when it holds none. */
  drain(machine: Machine): void {
    if (machine.state !== 'ready' && machine.state !== 'booting') return;
    machine.state = 'draining';
    this.#note();
    if (machine.inHand.length === 0) this.onChange(machine);
  }

  /** Jobs in hand come back after the visibility timeout. */
  end(machine: Machine, then: 'gone' | 'stopped' = 'gone'): void {
    if (machine.state === 'gone') return;
    if (machine.state !== 'stopped') {
      this.paidSeconds += this.#billOf(machine);
      this.ends++;
    }
    machine.state = then;
    for (const job of machine.inHand) this.#hide(job);
    machine.inHand = [];
    if (then === 'gone') this.machines.splice(this.machines.indexOf(machine), 1);
    this.#note();
  }

  #planArrival(index: number): void {
    const job = this.jobs[index];
    if (job === undefined) return;
    this.events.at(job.arrivedAt, () => {
      this.arrived++;
      this.#waiting.push(job);
      this.#planArrival(index + 1);
      this.#assign();
      this.onArrival();
    });
  }

  #boot(machine: Machine, source: 'launch' | 'start'): void {
    this.#note();
    const { bootSeconds, random } = this.#options;
    const seconds = bootSeconds(random, source);
    if (!Number.isFinite(seconds)) return;
    const { upAt } = machine;
    this.events.after(seconds, () => {
      if (machine.state !== 'booting' || machine.upAt !== upAt) return;
      machine.state = 'ready';
      machine.readyAt = this.now;
      this.#assign();
      this.onChange(machine);
    });
  }

  #assign(): void {
    for (const machine of this.machines) {
      if (this.waiting === 0) break;
      if (machine.state === 'ready') this.#fill(machine);
    }
    this.#note();
  }

  #fill(machine: Machine): void {
    while (this.waiting > 0 && machine.inHand.length < this.#options.concurrency) {
      const job = this.#waiting[this.#head++]!;
      if (this.#head > 4096) {
        this.#waiting = this.#waiting.slice(this.#head);
        this.#head = 0;
      }
      job.attempts++;
      machine.inHand.push(job);
      const { serviceSeconds, random } = this.#options;
      this.events.after(serviceSeconds(random), () => this.#finish(machine, job));
    }
  }

  #finish(machine: Machine, job: Job): void {
    const index = machine.inHand.indexOf(job);
    // The machine died, and somebody else may have the job.
    if (index < 0) return;
    machine.inHand.splice(index, 1);
    machine.done++;
    job.finishedAt = this.now;
    this.completed++;
    if (machine.state === 'ready') this.#fill(machine);
    this.#note();
    if (machine.state === 'draining' && machine.inHand.length === 0) this.onChange(machine);
  }

  #hide(job: Job): void {
    this.#hidden++;
    this.events.after(this.#options.visibilityTimeoutSeconds, () => {
      this.#hidden--;
      // It is older than what came meanwhile.
      this.#waiting.splice(this.#head, 0, job);
      this.#assign();
    });
  }

  #billOf({ state, upAt }: Machine): number {
    if (state === 'stopped' || state === 'gone') return 0;
    return Math.max(this.#options.billingMinimumSeconds, this.now - upAt);
  }

  #note(): void {
    let ready = 0;
    let up = 0;
    for (const { state } of this.machines) {
      if (state === 'ready') ready++;
      if (state !== 'stopped') up++;
    }
    const moment = { at: this.now, waiting: this.waiting, ready, up };
    const last = this.history.at(-1);
    if (last?.at === moment.at) this.history[this.history.length - 1] = moment;
    else this.history.push(moment);
  }
}
