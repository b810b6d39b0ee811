import type { Queue, QueueDepth } from '../../../src/ports/queue.ts';
import type { Faults } from './faults.ts';
import type { Life } from './life.ts';
import type { VirtualTime } from './virtual-time.ts';

interface Job {
  readonly id: number;
  readonly sentAt: number;
  visibleAt: number;
  receipt: number;
  isReceived: boolean;
}

export interface JobQueueOptions {
  readonly time: VirtualTime;
  readonly faults: Faults;
  readonly random: () => number;
  /** Counts are exact, or up to so old and now and then quite wrong. */
  readonly countLagMs: number | null;
}

/** Jobs with SQS's promises, and what became of them. */
export class JobQueue {
  readonly #options: JobQueueOptions;
  readonly #jobs = new Map<number, Job>();
  readonly #history: { at: number; depth: QueueDepth }[] = [];
  #sent = 0;
  #receipts = 0;
  /** Results by job, as often as one was stored that was not there yet. */
  readonly results = new Map<number, number>();
  /** Counts show now and then what is not there. */
  hasPhantoms = true;
  /** When more than nothing began to wait, in truth. */
  waitingSince: number | undefined;

  constructor(options: JobQueueOptions) {
    this.#options = options;
  }

  get sent(): number {
    return this.#sent;
  }

  get left(): number {
    return this.#jobs.size;
  }

  get isEmpty(): boolean {
    return this.#jobs.size === 0;
  }

  send(count: number): void {
    const at = this.#options.time.now;
    for (let one = 0; one < count; one++) {
      const id = ++this.#sent;
      this.#jobs.set(id, { id, sentAt: at, visibleAt: at, receipt: 0, isReceived: false });
    }
  }

  receive(visibilityMs: number): { id: number; receipt: number } | undefined {
    const { now } = this.#options.time;
    for (const job of this.#jobs.values()) {
      if (job.visibleAt > now) continue;
      job.visibleAt = now + visibilityMs;
      job.receipt = ++this.#receipts;
      job.isReceived = true;
      return { id: job.id, receipt: job.receipt };
    }
    return undefined;
  }

  extend(id: number, receipt: number, visibilityMs: number): void {
    const job = this.#of(id, receipt);
    if (job !== undefined) job.visibleAt = this.#options.time.now + visibilityMs;
  }

  /** The result first, and only if there is none; then the message. */
  finish(id: number, receipt: number): void {
    if (!this.results.has(id)) this.results.set(id, 1);
    if (this.#of(id, receipt) !== undefined) this.#jobs.delete(id);
  }

  /** Jobs that are neither waiting nor answered. */
  lost(): number[] {
    const ids = Array.from({ length: this.#sent }, (_, index) => index + 1);
    return ids.filter((id) => !this.#jobs.has(id) && this.results.get(id) !== 1);
  }

  /** Notes the counts of this moment, for those who see them late. */
  look(): void {
    const { time, countLagMs } = this.#options;
    const depth = this.#count();
    const isWaiting = depth.visible > 0;
    this.waitingSince = isWaiting ? (this.waitingSince ?? time.now) : undefined;
    if (countLagMs === null) return;
    this.#history.push({ at: time.now, depth });
    if (this.#history[0]!.at < time.now - countLagMs - 2000) this.#history.shift();
  }

  through(life: Life, called: (kind: 'depth') => void): Queue {
    const { countLagMs, faults } = this.#options;
    const queue: Pick<Queue, 'name' | 'depth' | 'countsExactly'> = {
      name: 'requests',
      countsExactly: countLagMs === null,
      depth: () => {
        called('depth');
        return life.call(() => faults.around('depth', () => this.#told()));
      },
    };
    return queue as Queue;
  }

  #of(id: number, receipt: number): Job | undefined {
    const job = this.#jobs.get(id);
    return job?.receipt === receipt ? job : undefined;
  }

  #count(): QueueDepth {
    const { now } = this.#options.time;
    let visible = 0;
    let oldest: number | undefined;
    for (const { visibleAt, sentAt } of this.#jobs.values()) {
      if (visibleAt > now) continue;
      visible++;
      oldest ??= sentAt;
    }
    const inFlight = this.#jobs.size - visible;
    const age = oldest === undefined ? {} : { oldestAgeSeconds: (now - oldest) / 1000 };
    return { visible, inFlight, delayed: 0, ...age };
  }

  #told(): QueueDepth {
    const { countLagMs, random, time } = this.#options;
    if (countLagMs === null) return this.#count();
    const asOf = time.now - random() * countLagMs;
    const seen =
      this.#history.findLast(({ at }) => at <= asOf)?.depth ?? this.#history[0]?.depth ?? this.#count();
    const { visible, inFlight } = seen;
    const isOff = this.hasPhantoms && random() < 0.05;
    const phantom = isOff ? Math.floor(random() * 3) - 1 : 0;
    return { visible: Math.max(0, visible + phantom), inFlight, delayed: 0 };
  }
}
