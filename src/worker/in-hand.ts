import { EventEmitter, once } from 'node:events';
import type { Clock } from '../ports/clock.ts';

/** `fetching` until its picture is here, `working` while it is recognised, `finishing` while its result is stored and answered. */
export type Stage = 'fetching' | 'working' | 'finishing';

export interface JobInHand extends Disposable {
  moveTo(stage: Stage): void;
  /**
   * Resolves when its result may be stored: together with those of the jobs before and after it while there is more to do, for
   * syncs and calls are shared then; at once when there is not.
   */
  finishTogether(): Promise<void>;
}

export interface InHandOptions {
  /** Jobs that are computed at once. */
  readonly concurrency: number;
  readonly clock: Pick<Clock, 'monotonic' | 'sleep'>;
}

/** Results being stored are no load on the processor, but with a slow bucket they must not pile up. */
const FINISHING_PER_SESSION = 8;
/** So many results per session are stored together. A picture takes some ten milliseconds, so the first waits for twenty. */
const TOGETHER_PER_SESSION = 3;
/** And no longer than this. */
const TOGETHER_MS = 50;

/** Finished jobs that wait for each other. */
interface Gathering {
  jobs: number;
  readonly released: PromiseWithResolvers<void>;
  readonly isOver: AbortController;
}

/** The jobs that a worker has in hand, how many more it wants, and how long one takes it. */
export class InHand {
  readonly #concurrency: number;
  readonly #clock: Pick<Clock, 'monotonic' | 'sleep'>;
  readonly #jobs = new Map<object, { stage: Stage; since: number }>();
  readonly #changes = new EventEmitter();
  readonly #serviceTime = new ServiceTime();
  #gathered: Gathering | undefined;
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
      finishTogether: () => this.#gather(),
      [Symbol.dispose]: () => this.#set(token, undefined),
    };
  }

  /**
   * How many messages to ask for: one per free session; with every session taken one more for each, whose picture is
   * fetched and decoded meanwhile. A worker with free sessions asks for no reserve: another one may be free too.
   */
  get wanted(): number {
    if (this.#count('finishing') >= FINISHING_PER_SESSION * this.#concurrency) return 0;
    const started = this.#count('fetching') + this.#count('working');
    return Math.max(0, (started < this.#concurrency ? 1 : 2) * this.#concurrency - started);
  }

  /** Resolves at the next change, or when the signal aborts. */
  async changed(signal: AbortSignal): Promise<void> {
    await once(this.#changes, 'change', { signal }).catch(() => undefined);
  }

  #gather(): Promise<void> {
    if (this.#gathered === undefined && !this.#isMoreComing) return Promise.resolve();
    this.#gathered ??= this.#startGathering();
    this.#gathered.jobs++;
    const { released } = this.#gathered;
    this.#releaseWhenDue();
    return released.promise;
  }

  get #isMoreComing(): boolean {
    return this.#count('fetching') + this.#count('working') > 0;
  }

  #startGathering(): Gathering {
    const gathering = { jobs: 0, released: Promise.withResolvers<void>(), isOver: new AbortController() };
    void this.#clock
      .sleep(TOGETHER_MS, gathering.isOver.signal)
      .then(() => gathering === this.#gathered && this.#release());
    return gathering;
  }

  #releaseWhenDue(): void {
    if (this.#gathered === undefined) return;
    const areEnough = this.#gathered.jobs >= TOGETHER_PER_SESSION * this.#concurrency;
    if (areEnough || !this.#isMoreComing) this.#release();
  }

  #release(): void {
    const gathered = this.#gathered;
    this.#gathered = undefined;
    gathered?.isOver.abort('released');
    gathered?.released.resolve();
  }

  /** Resolves when nothing is in hand any more. */
  async empty(): Promise<void> {
    while (this.#jobs.size > 0) await once(this.#changes, 'change');
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
    this.#releaseWhenDue();
    this.#changes.emit('change');
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
