import { Agent, request } from 'node:http';
import { leaderKey } from '../jobs/keys.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { ControllerStatus, LeaderRecord } from './heartbeat.ts';
import { parseLeaderRecord } from './leader.ts';

const CALL_TIMEOUT_MS = 1000;
/** Between two hints that wake: the controller looks by itself several times a second once it is awake. */
const WAKE_PAUSE_MS = 100;
/** Without a controller, who leads is looked up no more often than this. */
const LOOK_PAUSE_MS = 500;

const agent = new Agent({ keepAlive: true, maxSockets: 2 });
const clients = new WeakMap<ObjectStore, ControllerClient>();

/**
 * Tells the controller that work has come, so that it need not find out by itself. A hint: resolves to whether it was
 * heard, never rejects, and a call soon after another one is left out.
 */
export function wakeController(state: ObjectStore): Promise<boolean> {
  return clientOf(state).wake();
}

/** Tells the controller of a new gallery version, which it passes on to all workers. A hint, as `wakeController`. */
export function announceGalleryVersion(state: ObjectStore, version: number): Promise<boolean> {
  return clientOf(state).tell('/gallery', { version });
}

/** Tells the controller that there is something to do for a chore of its that rests. A hint, as `wakeController`. */
export function callForChore(state: ObjectStore, name: string): Promise<boolean> {
  return clientOf(state).tell('/chore', { name });
}

/** What the controller tells of itself and of those who report to it; undefined when none answers. Never rejects. */
export function askController(state: ObjectStore): Promise<ControllerStatus | undefined> {
  return clientOf(state).ask();
}

function clientOf(state: ObjectStore): ControllerClient {
  const client = clients.get(state) ?? new ControllerClient(state);
  clients.set(state, client);
  return client;
}

class ControllerClient {
  readonly #state: ObjectStore;
  #leader: LeaderRecord | undefined;
  #looking: Promise<LeaderRecord | undefined> = Promise.resolve(undefined);
  #lookedAt = Number.NEGATIVE_INFINITY;
  #wokeAt = Number.NEGATIVE_INFINITY;

  constructor(state: ObjectStore) {
    this.#state = state;
  }

  async wake(): Promise<boolean> {
    const now = performance.now();
    if (now - this.#wokeAt < WAKE_PAUSE_MS) return true;
    this.#wokeAt = now;
    return this.tell('/wake', {});
  }

  async tell(path: string, body: object): Promise<boolean> {
    return (await this.#call(path, body)) !== undefined;
  }

  async ask(): Promise<ControllerStatus | undefined> {
    const text = await this.#call('/status', {});
    if (text === undefined) return undefined;
    const status = JSON.parse(text) as ControllerStatus;
    return status.isLeading ? status : undefined;
  }

  /** Calls the leader it knows; if that one does not answer, looks once who leads now. Undefined when nobody does. */
  async #call(path: string, body: object): Promise<string | undefined> {
    const known = this.#leader;
    const answer = known && (await post(known, path, body));
    if (answer !== undefined) return answer;
    const leader = await this.#look();
    if (leader === undefined || (leader.address === known?.address && leader.token === known.token))
      return undefined;
    return post(leader, path, body);
  }

  /** Hints that come at once share a look, and soon after it what it found. */
  async #look(): Promise<LeaderRecord | undefined> {
    if (performance.now() - this.#lookedAt >= LOOK_PAUSE_MS) {
      this.#lookedAt = performance.now();
      this.#looking = readLeader(this.#state);
    }
    this.#leader = await this.#looking;
    return this.#leader;
  }
}

async function readLeader(state: ObjectStore): Promise<LeaderRecord | undefined> {
  try {
    const stored = await state.get(leaderKey);
    return stored && parseLeaderRecord((await stored.bytes()).toString('utf8'));
  } catch {
    // A hint that cannot be given is no failure: the controller finds out by itself, only later.
    return undefined;
  }
}

/** The body of the answer; undefined for one that is no success, and for none. */
function post({ address, token }: LeaderRecord, path: string, body: object): Promise<string | undefined> {
  return new Promise((resolve) => {
    const text = JSON.stringify(body);
    const call = request(new URL(path, address), {
      method: 'POST',
      agent,
      timeout: CALL_TIMEOUT_MS,
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(text),
      },
    });
    call.on('response', (response) => {
      const isGood = response.statusCode === 200 || response.statusCode === 204;
      let answer = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        answer += piece;
      });
      response.on('end', () => resolve(isGood ? answer : undefined));
    });
    call.on('timeout', () => call.destroy());
    call.on('error', () => resolve(undefined));
    call.on('close', () => resolve(undefined));
    call.end(text);
  });
}
