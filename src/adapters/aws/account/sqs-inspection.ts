import {
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListQueuesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';

import type { QueueFacts, QueueInspection } from '../../../cloud/account.ts';
import type { AwsSettings } from '../client-options.ts';
import { ServiceCalls, undefinedIfMissing } from './service-calls.ts';

/** What an operator's verbs need of SQS. */
export class SqsInspection implements QueueInspection {
  readonly #calls: ServiceCalls;
  readonly #client: SQSClient;

  constructor(settings: AwsSettings) {
    this.#calls = new ServiceCalls('sqs', settings);
    this.#client = new SQSClient(this.#calls.clientConfig());
  }

  async look(queue: string): Promise<QueueFacts | undefined> {
    const url = await this.#urlOf(queue);
    if (url === undefined) return undefined;
    const ask = () =>
      this.#client.send(new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['All'] }));
    const found = await this.#calls.run('GetQueueAttributes', { queue }, ask).catch(undefinedIfMissing);
    if (found?.Attributes === undefined) return undefined;
    const attributes: Readonly<Record<string, string | undefined>> = found.Attributes;
    const count = (name: string) => Number(attributes[name] ?? 0);
    const arn = /"deadLetterTargetArn":\s*"([^"]+)"/.exec(attributes.RedrivePolicy ?? '')?.[1];
    return {
      visible: count('ApproximateNumberOfMessages') + count('ApproximateNumberOfMessagesDelayed'),
      inFlight: count('ApproximateNumberOfMessagesNotVisible'),
      maxMessageBytes: count('MaximumMessageSize'),
      deadLetterQueue: arn?.split(':').at(-1),
    };
  }

  async names(prefix: string): Promise<string[]> {
    const names: string[] = [];
    let next: string | undefined;
    do {
      const input = {
        QueueNamePrefix: prefix,
        MaxResults: 1000,
        ...(next === undefined ? {} : { NextToken: next }),
      };
      const page = await this.#calls.run('ListQueues', { prefix }, () =>
        this.#client.send(new ListQueuesCommand(input)),
      );
      for (const url of page.QueueUrls ?? []) names.push(url.split('/').at(-1) ?? '');
      next = page.NextToken;
    } while (next !== undefined && next !== '');
    return names;
  }

  async remove(queue: string): Promise<void> {
    const url = await this.#urlOf(queue);
    if (url === undefined) return;
    const ask = () => this.#client.send(new DeleteQueueCommand({ QueueUrl: url }));
    await this.#calls.run('DeleteQueue', { queue }, ask).catch(undefinedIfMissing);
  }

  destroy(): void {
    this.#client.destroy();
  }

  async #urlOf(queue: string): Promise<string | undefined> {
    const ask = () => this.#client.send(new GetQueueUrlCommand({ QueueName: queue }));
    return (await this.#calls.run('GetQueueUrl', { queue }, ask).catch(undefinedIfMissing))?.QueueUrl;
  }
}
