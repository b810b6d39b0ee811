import { DeleteQueueCommand, ListQueuesCommand, ListQueueTagsCommand } from '@aws-sdk/client-sqs';
import { errorCode } from '../../errors.ts';
import type { Queue, QueueService, QueueSettings } from '../../ports/queue.ts';
import { checkQueueName, completeSettings } from '../queue-limits.ts';
import { QueueCalls, type SqsPlace } from './sqs/queue-calls.ts';
import { makeQueue } from './sqs/queue-making.ts';
import { QueueUrls } from './sqs/queue-urls.ts';
import { SqsQueue } from './sqs-queue.ts';

/** Queues are asked for their tags one by one; so many at once. */
const TAGS_AT_ONCE = 10;

/**
 * The queues of one account and region, of SQS or a service compatible with it.
 *
 * It asks for sqs:SendMessage, ReceiveMessage, DeleteMessage, ChangeMessageVisibility, GetQueueUrl, GetQueueAttributes;
 * who makes queues or finds them other than wanted for CreateQueue, SetQueueAttributes, ListQueueTags, TagQueue,
 * UntagQueue; who collects them for ListQueues and DeleteQueue.
 */
export class SqsQueueService implements QueueService {
  readonly #calls: QueueCalls;
  readonly #urls: QueueUrls;
  readonly #queues = new Map<string, SqsQueue>();

  constructor(place: SqsPlace) {
    this.#calls = new QueueCalls(place);
    this.#urls = new QueueUrls(this.#calls);
  }

  async ensure(name: string, settings: QueueSettings = {}): Promise<Queue> {
    checkQueueName(name);
    const { maxMessageBytes, retentionSeconds, deadLetter } = completeSettings(settings);
    const parts = { calls: this.#calls, urls: this.#urls };
    await makeQueue(parts, name, { maxMessageBytes, retentionSeconds, deadLetter, tags: settings.tags });
    const queue = this.open(name);
    queue.maxMessageBytes = maxMessageBytes;
    return queue;
  }

  /** One object a queue, so that whoever sends to it shares its batches. */
  open(name: string): SqsQueue {
    const known = this.#queues.get(name) ?? new SqsQueue(name, this.#calls, this.#urls);
    this.#queues.set(name, known);
    return known;
  }

  async list(prefix: string): Promise<{ name: string; tags: Readonly<Record<string, string>> }[]> {
    const names = await this.#names(prefix);
    const found: { name: string; tags: Readonly<Record<string, string>> }[] = [];
    for (let at = 0; at < names.length; at += TAGS_AT_ONCE) {
      const some = names.slice(at, at + TAGS_AT_ONCE);
      found.push(...(await Promise.all(some.map((name) => this.#withTags(name)))).flat());
    }
    return found;
  }

  async remove(name: string): Promise<void> {
    try {
      const QueueUrl = await this.#urls.of(name);
      await this.#calls.run('sqs:DeleteQueue', name, () =>
        this.#calls.client.send(new DeleteQueueCommand({ QueueUrl })),
      );
    } catch (error) {
      if (errorCode(error) !== 'not-found') throw error;
    } finally {
      this.#urls.forget(name);
      this.#queues.delete(name);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#calls.client.destroy();
  }

  async #names(prefix: string): Promise<string[]> {
    const names: string[] = [];
    let token: string | undefined;
    do {
      const from = token;
      const page = await this.#calls.run('sqs:ListQueues', prefix, () =>
        this.#calls.client.send(
          new ListQueuesCommand({
            MaxResults: 1000,
            ...(prefix !== '' && { QueueNamePrefix: prefix }),
            ...(from !== undefined && { NextToken: from }),
          }),
        ),
      );
      names.push(...(page.QueueUrls ?? []).map((url) => url.slice(url.lastIndexOf('/') + 1)));
      token = page.NextToken;
    } while (token !== undefined);
    return names.sort();
  }

  /** None for a queue that is gone: SQS lists it for a while. */
  async #withTags(name: string): Promise<{ name: string; tags: Readonly<Record<string, string>> }[]> {
    try {
      const QueueUrl = await this.#urls.of(name);
      const { Tags = {} } = await this.#calls.run('sqs:ListQueueTags', name, () =>
        this.#calls.client.send(new ListQueueTagsCommand({ QueueUrl })),
      );
      return [{ name, tags: Tags }];
    } catch (error) {
      if (errorCode(error) !== 'not-found') throw error;
      this.#urls.forget(name);
      return [];
    }
  }
}
