import { randomInt } from 'node:crypto';
import type {
  Queue,
  QueueDepth,
  QueueMessage,
  QueueService,
  QueueSettings,
  ReceiveOptions,
} from '../../../ports/queue.ts';
import { checkDelay, checkReceive, checkVisibility } from '../../queue-limits.ts';
import type { BrokerLink, StartedCall } from './broker-link.ts';
import { MAX_BATCH, type OperationName, type Operations } from './protocol.ts';

/** Characters of bodies in one request, far below the limit of a frame. */
const MAX_BATCH_CHARACTERS = 2 * 1024 * 1024;
const MAX_TOKEN = 2 ** 48 - 1;

/** The queues of the broker at the other end of a link. */
export class BrokerQueueService implements QueueService {
  readonly #link: BrokerLink;

  constructor(link: BrokerLink) {
    this.#link = link;
  }

  async ensure(name: string, settings: QueueSettings = {}): Promise<Queue> {
    await this.#link.call('ensure', { queue: name, settings }, { queue: name }).reply;
    return this.open(name);
  }

  open(name: string): Queue {
    return new BrokerQueue(name, this.#link);
  }

  list(prefix: string): Promise<{ name: string; tags: Readonly<Record<string, string>> }[]> {
    return this.#link.call('list', { prefix }).reply;
  }

  async remove(name: string): Promise<void> {
    await this.#link.call('remove', { queue: name }, { queue: name }).reply;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#link.close();
  }
}

class BrokerQueue implements Queue {
  readonly name: string;
  readonly countsExactly = true;
  readonly #link: BrokerLink;

  constructor(name: string, link: BrokerLink) {
    this.name = name;
    this.#link = link;
  }

  async send(body: string, { delaySeconds = 0 }: { delaySeconds?: number } = {}): Promise<void> {
    checkDelay(delaySeconds);
    await this.#call('send', { queue: this.name, bodies: [body], delayMs: toMs(delaySeconds) });
  }

  async sendBatch(bodies: readonly string[]): Promise<void> {
    const calls = batches(bodies).map((some) =>
      this.#call('send', { queue: this.name, bodies: some, delayMs: 0 }),
    );
    await Promise.all(calls);
  }

  async receive(options: ReceiveOptions): Promise<QueueMessage[]> {
    checkReceive(options);
    const { max, visibilityTimeoutSeconds, signal } = options;
    if (signal?.aborted) return [];
    const token = randomInt(MAX_TOKEN);
    const deadline = performance.now() + options.waitSeconds * 1000;
    const { id, reply } = this.#link.call(
      'receive',
      (isRetry) => ({
        queue: this.name,
        max,
        waitMs: Math.max(0, Math.round(deadline - performance.now())),
        visibilityMs: toMs(visibilityTimeoutSeconds),
        token,
        isRetry,
      }),
      { queue: this.name },
    );
    const onAbort = () => this.#link.cancelReceive(id);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      return (await reply).map((message) => ({ ...message, sentAt: new Date(message.sentAt) }));
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  async delete(receipt: string): Promise<void> {
    await this.#call('delete', { queue: this.name, receipts: [receipt] });
  }

  async deleteBatch(receipts: readonly string[]): Promise<void> {
    await Promise.all(
      batches(receipts).map((some) => this.#call('delete', { queue: this.name, receipts: some })),
    );
  }

  async extend(receipt: string, visibilityTimeoutSeconds: number): Promise<void> {
    checkVisibility(visibilityTimeoutSeconds, 1);
    const visibilityMs = toMs(visibilityTimeoutSeconds);
    await this.#call('extend', { queue: this.name, receipt, visibilityMs });
  }

  async release(receipt: string, delaySeconds = 0): Promise<void> {
    checkVisibility(delaySeconds, 0);
    await this.#call('release', { queue: this.name, receipt, delayMs: toMs(delaySeconds) });
  }

  depth(): Promise<QueueDepth> {
    return this.#call('depth', { queue: this.name });
  }

  #call<Name extends OperationName>(
    op: Name,
    request: Operations[Name]['request'],
  ): StartedCall<Name>['reply'] {
    return this.#link.call(op, request, { queue: this.name }).reply;
  }
}

function toMs(seconds: number): number {
  return Math.round(seconds * 1000);
}

function batches(items: readonly string[]): string[][] {
  const all: string[][] = [];
  let characters = 0;
  for (const item of items) {
    const last = all.at(-1);
    characters += item.length;
    if (last === undefined || last.length === MAX_BATCH || characters > MAX_BATCH_CHARACTERS) {
      all.push([item]);
      characters = item.length;
    } else {
      last.push(item);
    }
  }
  return all;
}
