import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  ListQueueTagsCommand,
  type QueueAttributeName,
  SetQueueAttributesCommand,
  TagQueueCommand,
  UntagQueueCommand,
} from '@aws-sdk/client-sqs';
import { errorCode, UnavailableError } from '../../../errors.ts';
import { factsOf } from '../sdk-facts.ts';
import type { QueueCalls } from './queue-calls.ts';
import type { QueueUrls } from './queue-urls.ts';

export interface QueueParts {
  readonly calls: QueueCalls;
  readonly urls: QueueUrls;
}

export interface WantedQueue {
  readonly maxMessageBytes: number;
  readonly retentionSeconds: number;
  readonly deadLetter: { readonly queue: string; readonly maxReceives: number } | null;
  /** Undefined: whatever tags it has are somebody else's business. */
  readonly tags: Readonly<Record<string, string>> | undefined;
}

type Attributes = Partial<Record<QueueAttributeName, string>>;

/** SQS refuses the name of a queue for 60 s after it was deleted. */
const NAME_REFUSED_MS = 65_000;
const NAME_LOOK_MS = 3000;
/** A queue that was just made is not known everywhere for a second or so. */
const MAX_LOOKS = 20;
const LOOK_MS = 250;

/**
 * Makes the queue, or changes in one that exists what is other than wanted. What is as wanted is only looked at, so that
 * a tier whose role may not change queues works with those that were made for it.
 */
export async function makeQueue(parts: QueueParts, name: string, wanted: WantedQueue): Promise<void> {
  const settings = { attributes: await attributesOf(parts, wanted), tags: wanted.tags };
  for (let look = 1; !(await adjust(parts, name, settings)); look++) {
    if (look > MAX_LOOKS) {
      throw new UnavailableError('SQS made the queue, and does not know it', { context: { queue: name } });
    }
    if (look > 1) await sleep(LOOK_MS);
    await create(parts, name, settings);
  }
}

async function attributesOf(parts: QueueParts, wanted: WantedQueue): Promise<Attributes> {
  const { maxMessageBytes, retentionSeconds, deadLetter } = wanted;
  return {
    MaximumMessageSize: String(maxMessageBytes),
    MessageRetentionPeriod: String(retentionSeconds),
    RedrivePolicy:
      deadLetter === null
        ? ''
        : JSON.stringify({
            deadLetterTargetArn: (await read(parts, deadLetter.queue, ['QueueArn'])).QueueArn,
            maxReceiveCount: deadLetter.maxReceives,
          }),
  };
}

interface Settings {
  readonly attributes: Attributes;
  readonly tags: Readonly<Record<string, string>> | undefined;
}

/** False: there is no such queue. */
async function adjust(parts: QueueParts, name: string, { attributes, tags }: Settings): Promise<boolean> {
  try {
    const names = Object.keys(attributes) as QueueAttributeName[];
    const present = await read(parts, name, names);
    const different = names.filter((one) => !isSame(one, attributes[one], present[one]));
    if (different.length > 0) {
      const Attributes = Object.fromEntries(different.map((one) => [one, attributes[one] ?? '']));
      await call(parts, 'sqs:SetQueueAttributes', name, (QueueUrl) =>
        parts.calls.client.send(new SetQueueAttributesCommand({ QueueUrl, Attributes })),
      );
    }
    if (tags !== undefined) await adjustTags(parts, name, tags);
    return true;
  } catch (error) {
    if (errorCode(error) !== 'not-found') throw error;
    return false;
  }
}

async function adjustTags(
  parts: QueueParts,
  name: string,
  wanted: Readonly<Record<string, string>>,
): Promise<void> {
  const { Tags: present = {} } = await call(parts, 'sqs:ListQueueTags', name, (QueueUrl) =>
    parts.calls.client.send(new ListQueueTagsCommand({ QueueUrl })),
  );
  // AWS's own (of CloudFormation) cannot be taken off.
  const extra = Object.keys(present).filter((tag) => !(tag in wanted) && !tag.startsWith('aws:'));
  if (extra.length > 0) {
    await call(parts, 'sqs:UntagQueue', name, (QueueUrl) =>
      parts.calls.client.send(new UntagQueueCommand({ QueueUrl, TagKeys: extra })),
    );
  }
  const missing = Object.entries(wanted).filter(([tag, value]) => present[tag] !== value);
  if (missing.length > 0) {
    await call(parts, 'sqs:TagQueue', name, (QueueUrl) =>
      parts.calls.client.send(new TagQueueCommand({ QueueUrl, Tags: Object.fromEntries(missing) })),
    );
  }
}

/** Waits until SQS gives a name away again that was deleted, and until the queue it made can be used. */
async function create(parts: QueueParts, name: string, { attributes, tags }: Settings): Promise<void> {
  const given = Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== ''));
  const until = performance.now() + NAME_REFUSED_MS;
  for (;;) {
    try {
      const command = new CreateQueueCommand({
        QueueName: name,
        Attributes: given,
        ...(tags !== undefined && { tags: { ...tags } }),
      });
      const { QueueUrl } = await parts.calls.client.send(command);
      if (QueueUrl !== undefined) parts.urls.note(name, QueueUrl);
      return;
    } catch (cause) {
      const { code } = factsOf(cause);
      // Somebody made it a moment ago, with other settings: they are adjusted.
      if (/QueueNameExists|QueueAlreadyExists/.test(code)) return;
      const isRefused = /QueueDeletedRecently/.test(code);
      const error = parts.calls.translate('sqs:CreateQueue', name, cause);
      const isPassing = isRefused || error.code === 'unavailable' || error.code === 'throttled';
      if (!isPassing || performance.now() > until) throw error;
      await sleep(NAME_LOOK_MS);
    }
  }
}

async function read(parts: QueueParts, name: string, names: QueueAttributeName[]): Promise<Attributes> {
  const { Attributes = {} } = await call(parts, 'sqs:GetQueueAttributes', name, (QueueUrl) =>
    parts.calls.client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: names })),
  );
  return Attributes;
}

async function call<T>(
  { calls, urls }: QueueParts,
  action: string,
  name: string,
  attempt: (url: string) => Promise<T>,
): Promise<T> {
  try {
    const url = await urls.of(name);
    return await calls.run(action, name, () => attempt(url));
  } catch (error) {
    if (errorCode(error) === 'not-found') urls.forget(name);
    throw error;
  }
}

function isSame(name: QueueAttributeName, wanted = '', present = ''): boolean {
  if (name !== 'RedrivePolicy' || wanted === '' || present === '') return wanted === present;
  const [one, other] = [wanted, present].map((text) => JSON.parse(text) as Record<string, unknown>);
  return (
    one?.deadLetterTargetArn === other?.deadLetterTargetArn &&
    Number(one?.maxReceiveCount) === Number(other?.maxReceiveCount)
  );
}
