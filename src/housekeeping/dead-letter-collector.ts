import { errorCode, errorMessage } from '../errors.ts';
import { courseOutputKey } from '../jobs/course-names.ts';
import { decodeDeadLetter } from '../jobs/dead-letter.ts';
import { JOB_FORMAT_VERSION, type JobMessage, type JobRecord } from '../jobs/job.ts';
import { galleryFact } from '../jobs/job-gallery.ts';
import { isResponseQueueName } from '../jobs/keys.ts';
import { encodeAnswer, parseMessage } from '../jobs/messages.ts';
import { readRecord } from '../jobs/record.ts';
import { createResult } from '../jobs/results.ts';
import { type Buckets, resultBucket } from '../jobs/stores.ts';
import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';
import type { Queue, QueueMessage, QueueService } from '../ports/queue.ts';

export interface DeadLetterCollectorOptions extends Buckets {
  readonly prefix: string;
  readonly queues: QueueService;
  readonly deadLetters: Queue;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Letters are hidden for this long while they are looked through, then given back for people to deal with. */
const HIDDEN_SECONDS = 60;
const MAX_LETTERS = 500;
/** When as many lie there as the last time, all are looked through again only after this. */
const LOOK_AGAIN_MS = 10 * 60_000;

/**
 * Gives every job whose message ended among the dead letters its error result and its waiter an answer, in case the
 * worker could not: the queue moves a message there by itself after too many receives. The letters stay.
 */
export class DeadLetterCollector {
  readonly #options: DeadLetterCollectorOptions;
  #done = { letters: 0, at: Number.NEGATIVE_INFINITY };

  constructor(options: DeadLetterCollectorOptions) {
    this.#options = options;
  }

  /** Resolves to how many results it wrote. */
  async run(signal: AbortSignal): Promise<number> {
    const { deadLetters, clock } = this.#options;
    const { visible, inFlight, delayed } = await deadLetters.depth();
    const letters = visible + inFlight + delayed;
    const isKnown = letters === this.#done.letters && clock.monotonic() - this.#done.at < LOOK_AGAIN_MS;
    if (letters === 0 || isKnown) {
      if (letters === 0) this.#done = { letters, at: clock.monotonic() };
      return 0;
    }
    const seen: QueueMessage[] = [];
    let written = 0;
    try {
      while (seen.length < MAX_LETTERS && !signal.aborted) {
        const some = await deadLetters.receive({
          max: 10,
          waitSeconds: 0,
          visibilityTimeoutSeconds: HIDDEN_SECONDS,
          signal,
        });
        if (some.length === 0) {
          this.#done = { letters, at: clock.monotonic() };
          break;
        }
        seen.push(...some);
        for (const letter of some) if (await this.#settle(letter)) written++;
      }
    } finally {
      // With more of them than a run looks at, these stay hidden a while, so that the next run meets others.
      if (seen.length < MAX_LETTERS) {
        await Promise.all(seen.map(({ receipt }) => deadLetters.release(receipt)));
      }
    }
    return written;
  }

  /** Whether it wrote the result. */
  async #settle(letter: QueueMessage): Promise<boolean> {
    const { logger } = this.#options;
    try {
      const { message: body, reason } = decodeDeadLetter(letter.body);
      const message = parseMessage(body);
      const record = await readRecord(this.#options, message.jobId);
      if (record === undefined || !(await this.#writeResult(record, reason))) return false;
      await this.#mirror(record);
      const { jobId, traceId } = message;
      logger.warn({ jobId, traceId, reason }, 'a job ended among the dead letters');
      await this.#answer(message);
      return true;
    } catch (error) {
      if (errorCode(error) !== 'data-corrupt') throw error;
      logger.warn({ messageId: letter.id, error: errorMessage(error) }, 'a dead letter cannot be read');
      return false;
    }
  }

  /** False when the job has a result already. */
  #writeResult(record: JobRecord, reason: string): Promise<boolean> {
    const { jobId, fileName, submittedAt, traceId, task, dialect } = record;
    return createResult(resultBucket(this.#options, dialect), {
      version: JOB_FORMAT_VERSION,
      jobId,
      fileName,
      kind: task.kind,
      submittedAt,
      finishedAt: this.#options.clock.now(),
      traceId,
      instanceId: 'controller',
      ...galleryFact(task),
      status: 'failed',
      error: { code: 'dead-letter', message: `the job was given up: ${reason}` },
    });
  }

  /** The course counts one output object a picture. */
  async #mirror({ dialect, task, inputKey }: JobRecord): Promise<void> {
    if (dialect !== 'course' || task.kind !== 'recognise') return;
    await this.#options.output.put(courseOutputKey(inputKey), Buffer.from('unknown'), {
      contentType: 'text/plain; charset=utf-8',
    });
  }

  async #answer({ jobId, replyQueue }: JobMessage): Promise<void> {
    const { queues, prefix } = this.#options;
    if (replyQueue === undefined || !isResponseQueueName(prefix, replyQueue)) return;
    try {
      await queues
        .open(replyQueue)
        .send(encodeAnswer({ version: JOB_FORMAT_VERSION, jobId, status: 'failed' }));
    } catch (error) {
      // Nobody waits any more.
      if (errorCode(error) !== 'not-found') throw error;
    }
  }
}
