import { EventEmitter, once } from 'node:events';
import { systemClock } from '../../src/adapters/local/system-clock.ts';
import {
  type CompleteQueueSettings,
  checkBody,
  checkDelay,
  checkQueueName,
  checkReceive,
  checkVisibility,
  completeSettings,
} from '../../src/adapters/queue-limits.ts';
import { NotFoundError } from '../../src/errors.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type {
  Queue,
  QueueDepth,
  QueueMessage,
  QueueService,
  QueueSettings,
  ReceiveOptions,
} from '../../src/ports/queue.ts';

export type QueueOperation = Exclude<keyof Queue, 'name'> | Exclude<keyof QueueService, symbol | 'open'>;

interface Held {
  readonly id: string;
  readonly body: string;
  readonly sentAt: number;
  visibleAt: number;
  receiveCount: number;
  receipt: string | undefined;
}

interface Failure {
  readonly operation: QueueOperation;
  readonly error: Error;
  readonly queue: string | undefined;
}

interface State {
  readonly clock: Clock;
  readonly queues: Map<string, { messages: Held[]; settings: CompleteQueueSettings }>;
  readonly failures: Failure[];
  /** Emits `change` whenever a message may have become visible or a queue is gone. */
  readonly changes: EventEmitter;
  serial: number;
}

/**
 * A queue service in the memory of one test. It passes the contract that the real ones pass; time comes from the
 * clock it is given, and it can be told what to fail next.
 */
export class MemoryQueueService implements QueueService {
  readonly #state: State;

  constructor({ clock = systemClock }: { clock?: Clock } = {}) {
    const changes = new EventEmitter().setMaxListeners(0);
    this.#state = { clock, queues: new Map(), failures: [], changes, serial: 0 };
  }

  /** The next call of this operation (on this queue, or on any) rejects with the error. Several calls queue up. */
  failNext(operation: QueueOperation, error: Error, { queue }: { queue?: string } = {}): void {
    this.#state.failures.push({ operation, error, queue });
  }

  /** The bodies of all messages of a queue, visible or not, oldest first. */
  bodies(name: string): string[] {
    return queueOf(this.#state, name).messages.map((message) => message.body);
  }

  async ensure(name: string, settings?: QueueSettings): Promise<Queue> {
    failIfTold(this.#state, 'ensure', name);
    checkQueueName(name);
    const complete = completeSettings(settings);
    if (complete.deadLetter !== null) queueOf(this.#state, complete.deadLetter.queue);
    const existing = this.#state.queues.get(name);
    this.#state.queues.set(name, { messages: existing?.messages ?? [], settings: complete });
    return this.open(name);
  }

  open(name: string): Queue {
    return new MemoryQueue(name, this.#state);
  }

  async list(prefix: string): Promise<{ name: string; tags: Readonly<Record<string, string>> }[]> {
    failIfTold(this.#state, 'list', undefined);
    return [...this.#state.queues]
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, { settings }]) => ({ name, tags: settings.tags }))
      .sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  async remove(name: string): Promise<void> {
    failIfTold(this.#state, 'remove', name);
    this.#state.queues.delete(name);
    this.#state.changes.emit('change');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#state.queues.clear();
    this.#state.changes.emit('change');
  }
}

class MemoryQueue implements Queue {
  readonly name: string;
  readonly countsExactly = true;
  readonly #state: State;

  constructor(name: string, state: State) {
    this.name = name;
    this.#state = state;
  }

  async send(body: string, { delaySeconds = 0 }: { delaySeconds?: number } = {}): Promise<void> {
    failIfTold(this.#state, 'send', this.name);
    checkDelay(delaySeconds);
    this.#add([body], delaySeconds);
  }

  async sendBatch(bodies: readonly string[]): Promise<void> {
    failIfTold(this.#state, 'sendBatch', this.name);
    this.#add(bodies, 0);
  }

  async receive(options: ReceiveOptions): Promise<QueueMessage[]> {
    failIfTold(this.#state, 'receive', this.name);
    checkReceive(options);
    const { clock, changes } = this.#state;
    const deadline = clock.now() + options.waitSeconds * 1000;
    for (;;) {
      if (options.signal?.aborted) return [];
      const taken = this.#take(options);
      const waitMs = Math.min(deadline, this.#nextVisibleAt()) - clock.now();
      if (taken.length > 0 || clock.now() >= deadline) return taken;
      const stop = new AbortController();
      const signals = options.signal === undefined ? [stop.signal] : [stop.signal, options.signal];
      const changed = once(changes, 'change', { signal: stop.signal }).catch(() => undefined);
      await Promise.race([changed, clock.sleep(Math.max(0, waitMs), AbortSignal.any(signals))]);
      stop.abort();
    }
  }

  async delete(receipt: string): Promise<void> {
    failIfTold(this.#state, 'delete', this.name);
    this.#remove([receipt]);
  }

  async deleteBatch(receipts: readonly string[]): Promise<void> {
    failIfTold(this.#state, 'deleteBatch', this.name);
    this.#remove(receipts);
  }

  async extend(receipt: string, visibilityTimeoutSeconds: number): Promise<void> {
    failIfTold(this.#state, 'extend', this.name);
    checkVisibility(visibilityTimeoutSeconds, 1);
    const message = this.#held(receipt);
    if (message) message.visibleAt = this.#state.clock.now() + visibilityTimeoutSeconds * 1000;
  }

  async release(receipt: string, delaySeconds = 0): Promise<void> {
    failIfTold(this.#state, 'release', this.name);
    checkVisibility(delaySeconds, 0);
    const message = this.#held(receipt);
    if (message === undefined) return;
    message.visibleAt = this.#state.clock.now() + delaySeconds * 1000;
    message.receipt = undefined;
    this.#state.changes.emit('change');
  }

  async depth(): Promise<QueueDepth> {
    failIfTold(this.#state, 'depth', this.name);
    const now = this.#state.clock.now();
    const { messages } = queueOf(this.#state, this.name);
    const visible = messages.filter((message) => message.visibleAt <= now);
    const hidden = messages.filter((message) => message.visibleAt > now);
    const inFlight = hidden.filter((message) => message.receipt !== undefined).length;
    const depth = { visible: visible.length, inFlight, delayed: hidden.length - inFlight };
    const oldest = Math.min(...visible.map((message) => message.sentAt));
    return visible.length === 0 ? depth : { ...depth, oldestAgeSeconds: (now - oldest) / 1000 };
  }

  #add(bodies: readonly string[], delaySeconds: number): void {
    const { messages, settings } = queueOf(this.#state, this.name);
    const limit = { queue: this.name, maxMessageBytes: settings.maxMessageBytes };
    for (const body of bodies) checkBody(body, limit);
    const now = this.#state.clock.now();
    for (const body of bodies) {
      const id = String(++this.#state.serial);
      messages.push({
        id,
        body,
        sentAt: now,
        visibleAt: now + delaySeconds * 1000,
        receiveCount: 0,
        receipt: undefined,
      });
    }
    this.#state.changes.emit('change');
  }

  #take({ max, visibilityTimeoutSeconds }: ReceiveOptions): QueueMessage[] {
    this.#moveDeadLetters();
    const now = this.#state.clock.now();
    const visible = queueOf(this.#state, this.name).messages.filter((message) => message.visibleAt <= now);
    return visible.slice(0, max).map((message) => {
      message.visibleAt = now + visibilityTimeoutSeconds * 1000;
      message.receiveCount++;
      message.receipt = `${message.id}.${++this.#state.serial}`;
      const { id, body, receipt, receiveCount, sentAt } = message;
      return { id, body, receipt, receiveCount, sentAt: new Date(sentAt) };
    });
  }

  #moveDeadLetters(): void {
    const source = queueOf(this.#state, this.name);
    const { deadLetter } = source.settings;
    const target = deadLetter && this.#state.queues.get(deadLetter.queue);
    if (!deadLetter || !target) return;
    const now = this.#state.clock.now();
    const isDead = (message: Held) =>
      message.visibleAt <= now && message.receiveCount >= deadLetter.maxReceives;
    const dead = source.messages.filter(isDead);
    if (dead.length === 0) return;
    source.messages = source.messages.filter((message) => !isDead(message));
    for (const message of dead) target.messages.push({ ...message, receiveCount: 0, receipt: undefined });
    this.#state.changes.emit('change');
  }

  #nextVisibleAt(): number {
    return Math.min(...queueOf(this.#state, this.name).messages.map((message) => message.visibleAt));
  }

  #held(receipt: string): Held | undefined {
    return queueOf(this.#state, this.name).messages.find((message) => message.receipt === receipt);
  }

  #remove(receipts: readonly string[]): void {
    const gone = new Set(receipts);
    const queue = queueOf(this.#state, this.name);
    queue.messages = queue.messages.filter(
      (message) => message.receipt === undefined || !gone.has(message.receipt),
    );
  }
}

function queueOf(state: State, name: string): { messages: Held[]; settings: CompleteQueueSettings } {
  const queue = state.queues.get(name);
  if (queue === undefined) throw new NotFoundError(`there is no queue ${name}`, { context: { queue: name } });
  return queue;
}

function failIfTold(state: State, operation: QueueOperation, queue: string | undefined): void {
  const index = state.failures.findIndex(
    (failure) => failure.operation === operation && (failure.queue === undefined || failure.queue === queue),
  );
  const [failure] = index < 0 ? [] : state.failures.splice(index, 1);
  if (failure) throw failure.error;
}
