import { errorCode, errorMessage } from '../errors.ts';
import { encodeDeadLetter } from '../jobs/dead-letter.ts';
import {
  JOB_FORMAT_VERSION,
  type JobAnswer,
  type JobMessage,
  type JobResult,
  type JobStage,
} from '../jobs/job.ts';
import { isResponseQueueName, queueNames } from '../jobs/keys.ts';
import { encodeAnswer } from '../jobs/messages.ts';
import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';
import type { Queue, QueueMessage, QueueService } from '../ports/queue.ts';
import { backoffSeconds } from './backoff.ts';
import { Batcher } from './batcher.ts';

/** A job that failed for a passing reason: 1 s, 2, 4 … then one a minute. */
const RETRY_BACKOFF = { firstSeconds: 1, maxSeconds: 60 };

export interface DeliveriesOptions {
  readonly queues: QueueService;
  readonly requests: Queue;
  readonly prefix: string;
  readonly instanceId: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What becomes of a delivered message: answered, deleted, given back or buried. Answers and deletes go out in batches. */
export class Deliveries {
  readonly #options: DeliveriesOptions;
  readonly #deletes: Batcher<string>;
  /** By reply queue; only those with something under way. */
  readonly #answers = new Map<string, { batcher: Batcher<string>; underWay: number }>();

  constructor(options: DeliveriesOptions) {
    this.#options = options;
    this.#deletes = new Batcher((receipts) => options.requests.deleteBatch(receipts));
  }

  /**
   * Tells whoever waits that there is a result. A reply queue that is gone counts as answered, for its web process is
   * gone too; one that is none of ours gets nothing, or a message could make workers write anywhere.
   */
  answer(message: JobMessage, status: JobResult['status']): Promise<void> {
    return this.#tell(message, { status });
  }

  /** Tells whoever follows the job how far it is. Nothing waits for that, and nothing fails when it cannot be told. */
  tellProgress(message: JobMessage, stage: JobStage): void {
    if (message.tellsProgress !== true) return;
    this.#tell(message, { status: 'working', stage }).catch((error: unknown) => {
      const { jobId, traceId } = message;
      this.#options.logger.debug({ jobId, traceId, error: errorMessage(error) }, 'progress was not told');
    });
  }

  async #tell(message: JobMessage, news: Pick<JobAnswer, 'status' | 'stage'>): Promise<void> {
    const { prefix, logger } = this.#options;
    const { jobId, traceId, replyQueue } = message;
    if (replyQueue === undefined) return;
    if (!isResponseQueueName(prefix, replyQueue)) {
      logger.warn({ jobId, traceId, replyQueue }, 'not answered: the reply queue is none of this deployment');
      return;
    }
    try {
      await this.#send(replyQueue, encodeAnswer({ version: JOB_FORMAT_VERSION, jobId, ...news }));
    } catch (error) {
      if (errorCode(error) !== 'not-found') throw error;
      logger.debug({ jobId, traceId, replyQueue }, 'not answered: the reply queue is gone');
    }
  }

  /** The job is done. A message that cannot be deleted comes again and finds its result. */
  async delete(delivery: QueueMessage): Promise<void> {
    try {
      await this.#deletes.add(delivery.receipt);
    } catch (error) {
      this.#options.logger.warn({ error: errorMessage(error) }, 'a finished message could not be deleted');
    }
  }

  /** Somebody may have it at once: it was never started here. */
  async giveBack(delivery: QueueMessage): Promise<void> {
    await this.#release(delivery, 0);
  }

  /** For a passing failure: comes again later, the later the oftener it came. */
  async retryLater(delivery: QueueMessage): Promise<void> {
    await this.#release(delivery, Math.ceil(backoffSeconds(delivery.receiveCount, RETRY_BACKOFF)));
  }

  /** Takes the message out of circulation, to the dead letters, with why. */
  async bury(delivery: QueueMessage, reason: string): Promise<void> {
    const { queues, prefix, instanceId, clock } = this.#options;
    await queues
      .open(queueNames(prefix).deadLetters)
      .send(encodeDeadLetter({ message: delivery.body, reason, diedAt: clock.now(), instanceId }));
  }

  async #send(replyQueue: string, body: string): Promise<void> {
    let line = this.#answers.get(replyQueue);
    if (line === undefined) {
      const queue = this.#options.queues.open(replyQueue);
      line = { batcher: new Batcher((bodies) => queue.sendBatch(bodies)), underWay: 0 };
      this.#answers.set(replyQueue, line);
    }
    line.underWay++;
    try {
      await line.batcher.add(body);
    } finally {
      line.underWay--;
      if (line.underWay === 0) this.#answers.delete(replyQueue);
    }
  }

  async #release(delivery: QueueMessage, delaySeconds: number): Promise<void> {
    try {
      await this.#options.requests.release(delivery.receipt, delaySeconds);
    } catch (error) {
      // Then it comes again when its visibility timeout has passed.
      this.#options.logger.warn({ error: errorMessage(error) }, 'a message could not be given back');
    }
  }
}
