import { GetQueueUrlCommand } from '@aws-sdk/client-sqs';
import type { QueueCalls } from './queue-calls.ts';

/** The URLs of queues, looked up once. */
export class QueueUrls {
  readonly #calls: QueueCalls;
  readonly #known = new Map<string, Promise<string>>();

  constructor(calls: QueueCalls) {
    this.#calls = calls;
  }

  /** @throws NotFoundError when there is no such queue. */
  of(name: string): Promise<string> {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const url = this.#lookUp(name);
    this.#known.set(name, url);
    url.catch(() => this.forget(name));
    return url;
  }

  note(name: string, url: string): void {
    this.#known.set(name, Promise.resolve(url));
  }

  forget(name: string): void {
    this.#known.delete(name);
  }

  #lookUp(name: string): Promise<string> {
    return this.#calls.run('sqs:GetQueueUrl', name, async () => {
      const { QueueUrl } = await this.#calls.client.send(new GetQueueUrlCommand({ QueueName: name }));
      if (QueueUrl === undefined) throw new Error(`SQS has no URL for its queue ${name}`);
      return QueueUrl;
    });
  }
}
