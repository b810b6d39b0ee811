import { errorMessage } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';
import { RecogniserLostError } from '../recognition/errors.ts';
import { ATTEMPTS_BEFORE_ISOLATION, type Attempt, type AttemptLog } from './attempts.ts';
import { PoisonError } from './failure.ts';
import type { PictureReader } from './isolated-recogniser.ts';
import type { Readers } from './readers.ts';

/** Crashes of a child process with nothing but the one picture in it, after which the picture is to blame. */
const CRASHES_BEFORE_POISON = 2;

export interface GuardedReadingOptions {
  readonly readers: Readers;
  readonly attempts: AttemptLog;
  readonly instanceId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The recogniser of this process died, though the process lives. */
  readonly onLost: () => void;
}

export interface SuspectJob {
  readonly jobId: string;
  readonly traceId: string;
  readonly packId: string;
  readonly receiveCount: number;
}

/**
 * Lets a job read its picture where its past says: in this process or, after two attempts that never ended, alone in
 * a child process, so that a picture which crashes recognisers takes no more workers with it.
 *
 * Rejects with PoisonError when it crashes the child twice, else as the work does.
 */
export class GuardedReading {
  readonly #options: GuardedReadingOptions;

  constructor(options: GuardedReadingOptions) {
    this.#options = options;
  }

  async run<T>(job: SuspectJob, work: (reader: PictureReader) => Promise<T>): Promise<T> {
    const { attempts, instanceId, clock } = this.#options;
    // What comes for the first time cannot have crashed anybody, and nearly everything does.
    if (job.receiveCount <= 1) return this.#runHere(job, work);
    const attempt = await attempts.begin(job.jobId, { instanceId, startedAt: clock.now() });
    let hasEnded = true;
    try {
      const isSuspect = attempt.unfinishedBefore >= ATTEMPTS_BEFORE_ISOLATION;
      return isSuspect ? await this.#runApart(job, work) : await this.#runHere(job, work);
    } catch (error) {
      hasEnded = !(error instanceof RecogniserLostError);
      throw error;
    } finally {
      if (hasEnded) await this.#end(attempt, job);
    }
  }

  async #runHere<T>(job: SuspectJob, work: (reader: PictureReader) => Promise<T>): Promise<T> {
    try {
      return await work(await this.#options.readers.here(job.packId));
    } catch (error) {
      if (error instanceof RecogniserLostError) this.#options.onLost();
      throw error;
    }
  }

  async #runApart<T>(job: SuspectJob, work: (reader: PictureReader) => Promise<T>): Promise<T> {
    const { readers, logger } = this.#options;
    for (let crashes = 1; ; crashes++) {
      try {
        return await work(readers.apart(job.packId));
      } catch (error) {
        if (!(error instanceof RecogniserLostError)) throw error;
        const { jobId, traceId } = job;
        logger.warn({ jobId, traceId, crashes, error: error.message }, 'a picture crashed a recogniser');
        if (crashes < CRASHES_BEFORE_POISON) continue;
        throw new PoisonError(`the picture crashes recognisers: ${error.message}`, { cause: error });
      }
    }
  }

  async #end(attempt: Attempt, { jobId, traceId }: SuspectJob): Promise<void> {
    try {
      await attempt.end();
    } catch (error) {
      // It then counts as one that never ended; at worst the job runs apart next time, which is only slower.
      this.#options.logger.warn(
        { jobId, traceId, error: errorMessage(error) },
        'the end of an attempt could not be noted',
      );
    }
  }
}
