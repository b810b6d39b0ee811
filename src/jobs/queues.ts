import type { Queue, QueueService } from '../ports/queue.ts';
import { MAX_DEAD_LETTER_BYTES } from './dead-letter.ts';
import { queueNames } from './keys.ts';
import { MAX_MESSAGE_BYTES } from './messages.ts';

/**
 * Receives before the queue itself gives a message up. They are no measure of a job's fault: each death of a worker that held
 * it, or had only fetched it, counts, and so does each drain. Blame is found by attempts and failures on record; this only
 * keeps a message that nobody can blame from coming for ever. Workers that die give at most one receive a visibility
 * timeout, so it is 50 minutes of nothing but deaths; failures that pass, by their backoff, span an hour and a half.
 */
const MAX_RECEIVES = 100;
/** SQS keeps a message 14 days at most. */
const DEAD_LETTER_RETENTION_SECONDS = 14 * 24 * 3600;

export interface JobQueues {
  readonly requests: Queue;
  readonly deadLetters: Queue;
}

export interface JobQueueSettings {
  readonly prefix: string;
  /** Cap of the request queue; our own messages never exceed the course's, which is the default. */
  readonly maxMessageBytes?: number;
}

/** The request queue with its dead letters behind it, made if need be. Every tier may call it, in any order. */
export async function ensureJobQueues(
  queues: QueueService,
  { prefix, maxMessageBytes = MAX_MESSAGE_BYTES }: JobQueueSettings,
): Promise<JobQueues> {
  const names = queueNames(prefix);
  const deadLetters = await queues.ensure(names.deadLetters, {
    maxMessageBytes: MAX_DEAD_LETTER_BYTES,
    retentionSeconds: DEAD_LETTER_RETENTION_SECONDS,
  });
  const requests = await queues.ensure(names.requests, {
    maxMessageBytes,
    deadLetter: { queue: names.deadLetters, maxReceives: MAX_RECEIVES },
  });
  return { requests, deadLetters };
}
