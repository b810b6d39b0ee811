import { errorMessage } from '../errors.ts';
import { leaderKey } from '../jobs/keys.ts';
import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { Heartbeat, HeartbeatReply, LeaderRecord } from '../scaling/heartbeat.ts';
import { parseLeaderRecord } from '../scaling/leader.ts';
import { keepAliveAgent, postJson } from './post-json.ts';

export const HEARTBEAT_SECONDS = 2;
const TIMEOUT_MS = 2000;
const ORDERS: readonly unknown[] = ['run', 'drain', 'release'];
const MAX_LEADER_BYTES = 64 * 1024;

export interface HeartbeatClientOptions {
  readonly state: ObjectStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What to tell, asked before every beat. */
  readonly describe: () => Heartbeat;
  readonly onReply: (reply: HeartbeatReply) => void;
}

/**
 * Tells the controller every two seconds how the worker is, and passes on what it answers.
 *
 * The controller is where the leader record says. The record is read again when a beat fails, so a worker finds a new
 * leader by itself; an answer from another epoch than the record's comes from a controller that is leader no more,
 * and counts as a failure. Without a controller it goes on trying; `lastContactAt` says for how long.
 */
export class HeartbeatClient implements AsyncDisposable {
  readonly #options: HeartbeatClientOptions;
  readonly #agent = keepAliveAgent();
  readonly #beating: Promise<void>;
  readonly #quit = new AbortController();
  #isStopped = false;
  #wake = new AbortController();
  #leader: LeaderRecord | undefined;
  #isInContact = true;
  #lastContactAt: number;

  constructor(options: HeartbeatClientOptions) {
    this.#options = options;
    this.#lastContactAt = options.clock.monotonic();
    this.#beating = this.#run();
  }

  /** Monotonic milliseconds of the last beat that was answered, or of the start. */
  get lastContactAt(): number {
    return this.#lastContactAt;
  }

  /** The state has changed: beats at once instead of when the time has come. */
  beatSoon(): void {
    this.#wake.abort();
  }

  /** Ends the regular beats and tells the controller a last time, whether or not it hears. */
  async sayLast(): Promise<void> {
    this.#isStopped = true;
    this.#wake.abort();
    await this.#beating;
    await this.#beat();
  }

  /** Ends the beats; one under way is broken off. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopped = true;
    this.#quit.abort();
    this.#wake.abort();
    await this.#beating;
    this.#agent.destroy();
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      this.#wake = new AbortController();
      await this.#beat();
      await this.#options.clock.sleep(HEARTBEAT_SECONDS * 1000, this.#wake.signal);
    }
  }

  async #beat(): Promise<void> {
    const known = this.#leader;
    let failure = known && (await this.#tell(known));
    if (known === undefined || failure !== undefined) {
      const found = await this.#readLeader();
      if (found instanceof Error) failure ??= found;
      else {
        this.#leader = found;
        // The same controller is asked again at the next beat, a new one now.
        if (!isSame(known, found)) failure = await this.#tell(found);
      }
    }
    this.#noteContact(failure);
  }

  /** Resolves to what went wrong, if anything. */
  async #tell(leader: LeaderRecord): Promise<Error | undefined> {
    try {
      const answer = await postJson({
        url: new URL('/heartbeat', leader.address).href,
        token: leader.token,
        body: this.#options.describe(),
        agent: this.#agent,
        signal: AbortSignal.any([this.#quit.signal, AbortSignal.timeout(TIMEOUT_MS)]),
      });
      const reply = asReply(answer);
      if (reply.epoch !== leader.epoch) {
        return new Error(`the controller answered for epoch ${reply.epoch}, expected ${leader.epoch}`);
      }
      this.#options.onReply(reply);
      return undefined;
    } catch (error) {
      return error as Error;
    }
  }

  async #readLeader(): Promise<LeaderRecord | Error> {
    try {
      const object = await this.#options.state.get(leaderKey);
      if (object === undefined) return new Error('no controller has registered itself');
      return parseLeaderRecord((await object.bytes(MAX_LEADER_BYTES)).toString('utf8'));
    } catch (error) {
      return error as Error;
    }
  }

  #noteContact(failure: Error | undefined): void {
    const { clock, logger } = this.#options;
    const isInContact = failure === undefined;
    if (isInContact) this.#lastContactAt = clock.monotonic();
    if (isInContact === this.#isInContact) return;
    this.#isInContact = isInContact;
    if (isInContact) logger.info({ address: this.#leader?.address }, 'the controller answers again');
    else logger.warn({ reason: errorMessage(failure) }, 'the controller does not answer; working on');
  }
}

function isSame(one: LeaderRecord | undefined, other: LeaderRecord): boolean {
  return one?.address === other.address && one.epoch === other.epoch && one.token === other.token;
}

function asReply(value: unknown): HeartbeatReply {
  const reply = value as Partial<HeartbeatReply> | null;
  const isOrder = ORDERS.includes(reply?.order);
  if (!isOrder || typeof reply?.galleryVersion !== 'number' || typeof reply.epoch !== 'number') {
    throw new Error('the controller answered without order, galleryVersion and epoch');
  }
  return reply as HeartbeatReply;
}
