import { EventEmitter, once } from 'node:events';
import type { Clock } from '../ports/clock.ts';
import type { QueueMessage } from '../ports/queue.ts';
import { FinishingGroup } from './finishing-group.ts';
import { Patience } from './patience.ts';

/** `fetching` until its picture is here, `working` while it is recognised, `finishing` while its result is stored and answered. */
export type Stage = 'fetching' | 'working' | 'finishing';

export interface JobInHand extends Disposable {
  moveTo(stage: Stage): void;
  /**
   * Resolves when its result may be stored: with a long queue together with those of the jobs before and after it, for
   * syncs and calls are shared then; at once when nothing waits.
   */
  finishTogether(): Promise<void>;
}

export interface InHandOptions {
  /** Jobs that are computed at once. */
  readonly concurrency: number;
  readonly clock: Pick<Clock, 'now' | 'monotonic' | 'sleep'>;
}

/** So many jobs per session are received, recognised and finished together, with a long queue: what a queue hands out at once. */
const TOGETHER_PER_SESSION = 10;
/** Results being stored are no load on the processor, but with a slow bucket they must not pile up. */
const FINISHING_PER_SESSION = 2 * TOGETHER_PER_SESSION;

/** The jobs that a worker has in hand, how many more it wants, and how long one takes it. */
export class InHand {
  readonly #concurrency: number;
  readonly #clock: InHandOptions['clock'];
  readonly #jobs = new Map<object, { stage: Stage; since: number }>();
  readonly #changes = new EventEmitter();
  readonly #serviceTime = new ServiceTime();
  readonly #patience = new Patience();
  #group: FinishingGroup | undefined;
  #countedUntil: number;
  #emptySince: number;

  constructor({ concurrency, clock }: InHandOptions) {
    this.#concurrency = concurrency;
    this.#clock = clock;
    this.#countedUntil = clock.monotonic();
    this.#emptySince = this.#countedUntil;
  }

  get count(): number {
    return this.#jobs.size;
  }

  /** Mean seconds that a session was taken per job over the last jobs; 0 before the first. */
  get serviceSeconds(): number {
    return this.#serviceTime.meanMs / 1000;
  }

  add(): JobInHand {
    const token = {};
    this.#set(token, 'fetching');
    return {
      moveTo: (stage) => this.#set(token, stage),
      finishTogether: () => this.#finishTogether(),
      [Symbol.dispose]: () => this.#set(token, undefined),
    };
  }

  /** What came in, or nothing: tells how long the queue is. */
  received(messages: readonly QueueMessage[]): void {
    this.#patience.note(messages, this.#clock.now());
  }

  /**
   * How many messages to ask for: one per free session; with every session taken one more for each, whose picture is
   * fetched and decoded meanwhile. A worker with free sessions asks for no reserve: another one may be free too.
   *
   * Where jobs wait in the queue anyway it asks for as many at once as it works off in the time that they may be kept, and
   * again when half of them are done.
   */
  get wanted(): number {
    if (this.#count('finishing') >= FINISHING_PER_SESSION * this.#concurrency) return 0;
    const started = this.#count('fetching') + this.#count('working');
    const together = this.#together;
    if (together > 2)
      return started > (together * this.#concurrency) / 2 ? 0 : together * this.#concurrency - started;
    return Math.max(0, (started < this.#concurrency ? 1 : 2) * this.#concurrency - started);
  }

  /** Jobs per session. */
  get #together(): number {
    const serviceMs = this.#serviceTime.meanMs;
    return serviceMs === 0 ? 1 : Math.min(TOGETHER_PER_SESSION, Math.floor(this.#patience.ms / serviceMs));
  }

  /** Resolves when more messages are wanted, or when the signal aborts. */
  async room(signal: AbortSignal): Promise<void> {
    if (this.wanted > 0) return;
    await once(this.#changes, 'room', { signal }).catch(() => undefined);
  }

  #finishTogether(): Promise<void> {
    const waitMs = this.#patience.ms;
    if (waitMs === 0 || !this.#isMoreComing) return Promise.resolve();
    if (this.#group === undefined || this.#group.isOver) {
      const enough = TOGETHER_PER_SESSION * this.#concurrency;
      this.#group = new FinishingGroup({ enough, waitMs, clock: this.#clock });
    }
    return this.#group.join();
  }

  get #isMoreComing(): boolean {
    return this.#count('fetching') + this.#count('working') > 0;
  }

  /** Resolves when nothing is in hand any more. */
  async empty(): Promise<void> {
    while (this.#jobs.size > 0) await once(this.#changes, 'empty');
  }

  /** For how long the slowest job has been worked on, milliseconds; 0 with none. */
  get longestWorkMs(): number {
    const now = this.#clock.monotonic();
    const times = [...this.#jobs.values()].map(({ stage, since }) => (stage === 'working' ? now - since : 0));
    return Math.max(0, ...times);
  }

  /** For how long there has been nothing to do, milliseconds. */
  get idleMs(): number {
    return this.#jobs.size > 0 ? 0 : this.#clock.monotonic() - this.#emptySince;
  }

  #set(token: object, stage: Stage | undefined): void {
    const now = this.#clock.monotonic();
    // More may be at work than there are sessions: those only decode.
    const computing = Math.min(this.#count('working'), this.#concurrency);
    this.#serviceTime.spend((now - this.#countedUntil) * computing);
    this.#countedUntil = now;
    if (this.#jobs.get(token)?.stage === 'working') this.#serviceTime.finishJob();
    if (stage === undefined) this.#jobs.delete(token);
    else this.#jobs.set(token, { stage, since: now });
    if (this.#jobs.size === 0) this.#emptySince = now;
    if (!this.#isMoreComing) this.#group?.release();
    if (this.#jobs.size === 0) this.#changes.emit('empty');
    if (this.wanted > 0) this.#changes.emit('room');
  }

  #count(wanted: Stage): number {
    let count = 0;
    for (const { stage } of this.#jobs.values()) if (stage === wanted) count++;
    return count;
  }
}

/** Jobs that the mean remembers. */
const MEMORY_JOBS = 20;

/** Milliseconds of session time per job, as a mean that forgets. */
class ServiceTime {
  meanMs = 0;
  #unspentMs = 0;
  #jobs = 0;

  spend(milliseconds: number): void {
    this.#unspentMs += milliseconds;
  }

  finishJob(): void {
    this.#jobs = Math.min(MEMORY_JOBS, this.#jobs + 1);
    this.meanMs += (this.#unspentMs - this.meanMs) / this.#jobs;
    this.#unspentMs = 0;
  }
}
