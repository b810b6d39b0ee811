import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
} from '@aws-sdk/client-sqs';
import { errorCode } from '../../errors.ts';
import type { Queue, QueueDepth, QueueMessage, ReceiveOptions } from '../../ports/queue.ts';
import { checkBody, checkDelay, checkReceive, checkVisibility } from '../queue-limits.ts';
import { allOf, BatchLine } from './sqs/batch-line.ts';
import { type FailedEntry, runPartially } from './sqs/batch-outcome.ts';
import { isStaleReceipt, type QueueCalls } from './sqs/queue-calls.ts';
import type { QueueUrls } from './sqs/queue-urls.ts';

/** What SQS takes at most; a queue may take less, which it says itself. */
const MAX_MESSAGE_BYTES = 262_144;
/**
 * A poll cannot be called back: whom SQS gave a message in the moment the caller left, nobody has until it times out. So
 * one that may be called back asks for so long at a time, and lets the last one return.
 */
const SLICE_SECONDS = 5;

interface Outgoing {
  readonly body: string;
  readonly delaySeconds: number;
}

interface Visibility {
  readonly receipt: string;
  readonly seconds: number;
}

/** A queue of SQS. Sends, deletes and changes of visibility go out in batches. */
export class SqsQueue implements Queue {
  readonly name: string;
  /** What the queue takes, as far as it is known here; it refuses more itself. */
  maxMessageBytes = MAX_MESSAGE_BYTES;
  readonly #calls: QueueCalls;
  readonly #urls: QueueUrls;
  readonly #sends = this.#line<Outgoing>({
    action: 'sqs:SendMessage',
    sizeBytes: ({ body }) => Buffer.byteLength(body),
    call: async (QueueUrl, items) => {
      const Entries = items.map(({ id, item: { body, delaySeconds } }) => ({
        Id: id,
        MessageBody: body,
        ...(delaySeconds > 0 && { DelaySeconds: Math.ceil(delaySeconds) }),
      }));
      return this.#calls.client.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    },
  });
  readonly #deletes = this.#line<string>({
    action: 'sqs:DeleteMessage',
    call: async (QueueUrl, items) => {
      // One receipt twice in a batch is refused, by some.
      const once = new Map(items.map(({ id, item }) => [item, id]));
      const Entries = [...once].map(([item, id]) => ({ Id: id, ReceiptHandle: item }));
      return this.#calls.client.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }));
    },
  });
  readonly #visibilities = this.#line<Visibility>({
    action: 'sqs:ChangeMessageVisibility',
    call: async (QueueUrl, items) => {
      const Entries = items.map(({ id, item: { receipt, seconds } }) => ({
        Id: id,
        ReceiptHandle: receipt,
        VisibilityTimeout: Math.ceil(seconds),
      }));
      return this.#calls.client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl, Entries }));
    },
  });

  constructor(name: string, calls: QueueCalls, urls: QueueUrls) {
    this.name = name;
    this.#calls = calls;
    this.#urls = urls;
  }

  async send(body: string, { delaySeconds = 0 }: { delaySeconds?: number } = {}): Promise<void> {
    checkDelay(delaySeconds);
    checkBody(body, { queue: this.name, maxMessageBytes: this.maxMessageBytes });
    await this.#sends.add({ body, delaySeconds });
  }

  async sendBatch(bodies: readonly string[]): Promise<void> {
    const limit = { queue: this.name, maxMessageBytes: this.maxMessageBytes };
    for (const body of bodies) checkBody(body, limit);
    await allOf(bodies.map((body) => this.#sends.add({ body, delaySeconds: 0 })));
  }

  async receive(options: ReceiveOptions): Promise<QueueMessage[]> {
    checkReceive(options);
    const { signal } = options;
    let leftSeconds = Math.ceil(options.waitSeconds);
    while (signal?.aborted !== true) {
      const waitSeconds = signal === undefined ? leftSeconds : Math.min(leftSeconds, SLICE_SECONDS);
      const messages = await this.#poll(options, waitSeconds);
      leftSeconds -= waitSeconds;
      if (messages.length > 0 || leftSeconds <= 0) return messages;
    }
    return [];
  }

  async delete(receipt: string): Promise<void> {
    await this.#deletes.add(receipt);
  }

  async deleteBatch(receipts: readonly string[]): Promise<void> {
    await allOf(receipts.map((receipt) => this.#deletes.add(receipt)));
  }

  async extend(receipt: string, visibilityTimeoutSeconds: number): Promise<void> {
    checkVisibility(visibilityTimeoutSeconds, 1);
    await this.#visibilities.add({ receipt, seconds: visibilityTimeoutSeconds });
  }

  async release(receipt: string, delaySeconds = 0): Promise<void> {
    checkVisibility(delaySeconds, 0);
    await this.#visibilities.add({ receipt, seconds: delaySeconds });
  }

  async depth(): Promise<QueueDepth> {
    const { Attributes = {} } = await this.#onQueue('sqs:GetQueueAttributes', (QueueUrl) =>
      this.#calls.client.send(
        new GetQueueAttributesCommand({
          QueueUrl,
          AttributeNames: [
            'ApproximateNumberOfMessages',
            'ApproximateNumberOfMessagesNotVisible',
            'ApproximateNumberOfMessagesDelayed',
          ],
        }),
      ),
    );
    return {
      visible: Number(Attributes.ApproximateNumberOfMessages ?? 0),
      inFlight: Number(Attributes.ApproximateNumberOfMessagesNotVisible ?? 0),
      delayed: Number(Attributes.ApproximateNumberOfMessagesDelayed ?? 0),
    };
  }

  async #poll(
    { max, visibilityTimeoutSeconds, signal }: ReceiveOptions,
    waitSeconds: number,
  ): Promise<QueueMessage[]> {
    try {
      const { Messages = [] } = await this.#onQueue(
        'sqs:ReceiveMessage',
        (QueueUrl) =>
          this.#calls.client.send(
            new ReceiveMessageCommand({
              QueueUrl,
              MaxNumberOfMessages: max,
              WaitTimeSeconds: waitSeconds,
              VisibilityTimeout: Math.ceil(visibilityTimeoutSeconds),
              MessageSystemAttributeNames: ['ApproximateReceiveCount', 'SentTimestamp'],
            }),
          ),
        signal,
      );
      return Messages.map(messageOf);
    } catch (error) {
      if (signal?.aborted === true && error === signal.reason) return [];
      throw error;
    }
  }

  /** Calls with the queue's URL, which is looked up again once the queue was gone. */
  async #onQueue<T>(action: string, call: (url: string) => Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      const url = await this.#urls.of(this.name);
      return await this.#calls.run(action, this.name, () => call(url), { signal });
    } catch (error) {
      if (errorCode(error) === 'not-found') this.#urls.forget(this.name);
      throw error;
    }
  }

  #line<T>({ action, call, sizeBytes = () => 0 }: LineOptions<T>): BatchLine<T> {
    return new BatchLine<T>({
      sizeBytes,
      call: (items) =>
        runPartially({
          items,
          call: async (places) => {
            const url = await this.#urls.of(this.name);
            const entries = places.map((place) => ({ id: String(place), item: items[place]! }));
            return (await call(url, entries)).Failed ?? [];
          },
          run: (attempt) => this.#onQueue(action, attempt),
          translate: (error) => this.#calls.translate(action, this.name, error),
          isFine: isStaleReceipt,
        }),
    });
  }
}

interface LineOptions<T> {
  readonly action: string;
  readonly call: (
    url: string,
    items: readonly { readonly id: string; readonly item: T }[],
  ) => Promise<{ readonly Failed?: readonly FailedEntry[] | undefined }>;
  readonly sizeBytes?: (item: T) => number;
}

function messageOf({ MessageId, Body, ReceiptHandle, Attributes = {} }: Message): QueueMessage {
  return {
    id: MessageId ?? '',
    body: Body ?? '',
    receipt: ReceiptHandle ?? '',
    receiveCount: Number(Attributes.ApproximateReceiveCount ?? 1),
    sentAt: new Date(Number(Attributes.SentTimestamp ?? 0)),
  };
}
