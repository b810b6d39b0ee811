import { errorCode } from '../errors.ts';
import { ensureJobQueues, type JobQueueSettings } from '../jobs/queues.ts';
import type { Logger } from '../logger.ts';
import type { Queue, QueueService } from '../ports/queue.ts';

export interface QueueKeeperOptions {
  readonly queues: QueueService;
  readonly requests: Queue;
  readonly deadLetters: Queue;
  readonly settings: JobQueueSettings;
  readonly logger: Logger;
}

/**
 * Makes the queues of jobs again after somebody has deleted them. No job is lost with them: its record is in the input
 * bucket, and the sweep for lost jobs sends it again once the queue is there.
 */
export class QueueKeeper {
  readonly #options: QueueKeeperOptions;

  constructor(options: QueueKeeperOptions) {
    this.#options = options;
  }

  /** Resolves to how many queues were missing. */
  async run(): Promise<number> {
    const { queues, requests, deadLetters, settings, logger } = this.#options;
    const missing: string[] = [];
    for (const queue of [requests, deadLetters]) if (await isMissing(queue)) missing.push(queue.name);
    if (missing.length === 0) return 0;
    await ensureJobQueues(queues, settings);
    const next = 'find out who did it; jobs that waited are sent again, dead letters are gone';
    logger.error({ queues: missing, next }, 'queues were deleted; they were made again');
    return missing.length;
  }
}

async function isMissing(queue: Queue): Promise<boolean> {
  try {
    await queue.depth();
    return false;
  } catch (error) {
    if (errorCode(error) === 'not-found') return true;
    throw error;
  }
}
