import { errorMessage } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';
import type { Queue, QueueMessage } from '../ports/queue.ts';
import { backoffSeconds } from './backoff.ts';
import type { InHand } from './in-hand.ts';

/** How long a poll waits. Where one cannot be called back, this is also how long the drain of an idle worker may take. */
const POLL_SECONDS = 5;
/** Most that a queue hands out at once. */
const LARGEST_RECEIVE = 10;
const FAILURE_BACKOFF = { firstSeconds: 0.1, maxSeconds: 5 };

export interface PollingOptions {
  readonly queue: Queue;
  readonly visibilityTimeoutSeconds: number;
  readonly inHand: InHand;
  /** Takes a message over; called before the next poll asks how many are wanted. */
  readonly onMessage: (message: QueueMessage) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Asks for as many messages as are wanted, whenever some are, until `stop` aborts; what the last poll brings is handed over too. */
export async function pollForMessages(options: PollingOptions, stop: AbortSignal): Promise<void> {
  const { queue, visibilityTimeoutSeconds, inHand, onMessage, clock, logger } = options;
  for (let failures = 0; !stop.aborted; ) {
    const max = Math.min(LARGEST_RECEIVE, inHand.wanted);
    if (max === 0) {
      await inHand.room(stop);
      continue;
    }
    try {
      const options = { max, waitSeconds: POLL_SECONDS, visibilityTimeoutSeconds, signal: stop };
      const messages = await queue.receive(options);
      if (failures > 0) logger.info({ queue: queue.name, failures }, 'receiving again');
      failures = 0;
      inHand.received(messages);
      for (const message of messages) onMessage(message);
    } catch (error) {
      failures++;
      if (failures === 1) {
        logger.warn({ queue: queue.name, error: errorMessage(error) }, 'cannot receive; trying again');
      }
      await clock.sleep(Math.ceil(backoffSeconds(failures, FAILURE_BACKOFF) * 1000), stop);
    }
  }
}
