import { FacefleetError } from '../../../errors.ts';
import type { Logger } from '../../../logger.ts';
import type { QueueService } from '../../../ports/queue.ts';
import { BrokerLink } from './broker-link.ts';
import { BrokerQueueService } from './broker-queue.ts';
import { socketPath } from './socket-path.ts';

const DEFAULT_WAIT_SECONDS = 5;
const DEFAULT_LOCK_TIMEOUT_SECONDS = 30;

export interface ClientOptions {
  readonly dataDir: string;
  readonly logger: Logger;
  /** How long to wait for a broker that is still starting (default 5). */
  readonly waitSeconds?: number;
}

/** A process's connection to the broker of its data folder: the queues, and named locks. */
export class BrokerClient implements AsyncDisposable {
  readonly queues: QueueService;
  readonly #link: BrokerLink;

  private constructor(link: BrokerLink) {
    this.#link = link;
    this.queues = new BrokerQueueService(link);
  }

  /**
   * @throws UnavailableError when no broker answers within the wait; FacefleetError `permission-denied` when it is
   * another user's, `conflict` when it is of another version.
   */
  static async connect({ dataDir, logger, waitSeconds }: ClientOptions): Promise<BrokerClient> {
    const path = socketPath(dataDir);
    return new BrokerClient(
      await BrokerLink.open({ path, logger, waitSeconds: waitSeconds ?? DEFAULT_WAIT_SECONDS }),
    );
  }

  /** Aborts when the broker has been gone for five seconds of running time; every call rejects from then on. */
  get lost(): AbortSignal {
    return this.#link.lost;
  }

  /**
   * Runs `work` while no other process (nor another call in this one) runs any under the same name; first come, first
   * served. A holder that dies lets go; a broker that dies and returns lets its holders finish.
   *
   * @throws FacefleetError `timeout` when the lock is not had in time; `work` has not run then.
   */
  async withLock<T>(
    name: string,
    work: () => Promise<T>,
    { timeoutSeconds = DEFAULT_LOCK_TIMEOUT_SECONDS }: { timeoutSeconds?: number } = {},
  ): Promise<T> {
    const { id, reply } = this.#link.call('lock', { name, isReclaim: false }, { lock: name });
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      late.reject(
        new FacefleetError('timeout', `no lock within ${timeoutSeconds} seconds`, {
          context: { lock: name },
        }),
      );
    }, timeoutSeconds * 1000);
    try {
      await Promise.race([reply, late.promise]);
      this.#link.keepLock(id, name);
      return await work();
    } finally {
      clearTimeout(timer);
      this.#link.dropLock(id);
    }
  }

  async close(): Promise<void> {
    this.#link.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
