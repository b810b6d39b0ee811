import { errorCode } from '../errors.ts';
import type { Queue, QueueMessage, QueueService } from '../ports/queue.ts';
import { decodeDeadLetter } from './dead-letter.ts';
import type { JobMessage } from './job.ts';
import { queueNames } from './keys.ts';
import { encodeMessage, parseMessage } from './messages.ts';
import { readRecord } from './record.ts';
import type { Buckets } from './stores.ts';

/** Letters are hidden from others for so long while they are looked at; far more than that takes. */
const HIDDEN_SECONDS = 60;
/** More are dealt with by calling again. */
const MAX_LETTERS = 10_000;

export interface DeadLettersOptions extends Buckets {
  readonly queues: QueueService;
  readonly prefix: string;
}

/** A job that was given up, as far as it can be told. */
export interface DeadJob {
  /** Absent when the message cannot be read. */
  readonly jobId?: string;
  /** As the client sent it; absent when the job's record is gone. */
  readonly fileName?: string;
  readonly reason: string;
  readonly diedAt: Date;
}

export interface DeadJobs {
  /** Oldest first. */
  readonly jobs: readonly DeadJob[];
  /** Letters that somebody else is looking at right now. */
  readonly hidden: number;
}

/** Which letters: those of these jobs, or all. */
export type Selection = ReadonlySet<string> | 'all';

/** What became of the letters that were selected. */
export interface DeadLetterReport {
  readonly done: readonly DeadJob[];
  /** They stay: their picture is gone, or nobody can read them. */
  readonly impossible: readonly DeadJob[];
  /** Job ids that no visible letter has. */
  readonly missing: readonly string[];
}

interface Letter {
  readonly job: DeadJob;
  /** Undefined when it cannot be read. */
  readonly message: JobMessage | undefined;
  readonly receipt: string;
}

/** The dead-letter queue for the people who look after it: see what lies there, bring it back, or drop it. */
export class DeadLetters {
  readonly #options: DeadLettersOptions;
  readonly #queue: Queue;
  readonly #requests: Queue;

  constructor(options: DeadLettersOptions) {
    const names = queueNames(options.prefix);
    this.#options = options;
    this.#queue = options.queues.open(names.deadLetters);
    this.#requests = options.queues.open(names.requests);
  }

  async list(): Promise<DeadJobs> {
    const jobs: DeadJob[] = [];
    await this.#visit(async ({ job }) => {
      jobs.push(job);
      return 'keep';
    });
    const { inFlight } = await this.#queue.depth();
    jobs.sort((one, other) => one.diedAt.getTime() - other.diedAt.getTime());
    return { jobs, hidden: inFlight };
  }

  /**
   * Sends the jobs to the workers again. What they find replaces the error result that the job has until then; nobody
   * waits for an answer any more. A job whose picture is gone stays.
   */
  redrive(selection: Selection): Promise<DeadLetterReport> {
    return this.#handle(selection, async ({ message }) => {
      if (message === undefined || (await readRecord(this.#options, message.jobId)) === undefined)
        return false;
      const { replyQueue: _, ...again } = message;
      await this.#requests.send(encodeMessage({ ...again, redriven: true }));
      return true;
    });
  }

  /** Forgets the letters; the error results stay. */
  drop(selection: Selection): Promise<DeadLetterReport> {
    return this.#handle(selection, async () => true);
  }

  /** Letters for which `handle` resolves to true are deleted, after it has. */
  async #handle(
    selection: Selection,
    handle: (letter: Letter) => Promise<boolean>,
  ): Promise<DeadLetterReport> {
    const done: DeadJob[] = [];
    const impossible: DeadJob[] = [];
    const missing = new Set(selection === 'all' ? [] : selection);
    await this.#visit(async (letter) => {
      const { jobId } = letter.job;
      if (selection !== 'all' && (jobId === undefined || !selection.has(jobId))) return 'keep';
      if (jobId !== undefined) missing.delete(jobId);
      const isHandled = await handle(letter);
      (isHandled ? done : impossible).push(letter.job);
      return isHandled ? 'delete' : 'keep';
    });
    return { done, impossible, missing: [...missing] };
  }

  /** Shows every visible letter once, and gives those back that are kept. */
  async #visit(look: (letter: Letter) => Promise<'keep' | 'delete'>): Promise<void> {
    const seen = new Set<string>();
    const kept: string[] = [];
    try {
      while (seen.size < MAX_LETTERS) {
        const received = await this.#queue.receive({
          max: 10,
          waitSeconds: 0,
          visibilityTimeoutSeconds: HIDDEN_SECONDS,
        });
        const news = received.filter(({ id }) => !seen.has(id));
        kept.push(...received.filter(({ id }) => seen.has(id)).map(({ receipt }) => receipt));
        if (news.length === 0) return;
        for (const message of news) {
          seen.add(message.id);
          if ((await look(await this.#open(message))) === 'delete') await this.#queue.delete(message.receipt);
          else kept.push(message.receipt);
        }
      }
    } finally {
      await Promise.all(kept.map((receipt) => this.#queue.release(receipt)));
    }
  }

  async #open({ body, sentAt, receipt }: QueueMessage): Promise<Letter> {
    const letter = decodeDeadLetter(body);
    const message = readable(letter.message);
    const facts = {
      reason: letter.reason,
      diedAt: letter.diedAt === undefined ? sentAt : new Date(letter.diedAt),
    };
    if (message === undefined) return { job: facts, message, receipt };
    const record = await readRecord(this.#options, message.jobId);
    const fileName = record === undefined ? {} : { fileName: record.fileName };
    return { job: { jobId: message.jobId, ...fileName, ...facts }, message, receipt };
  }
}

function readable(body: string): JobMessage | undefined {
  try {
    return parseMessage(body);
  } catch (error) {
    if (errorCode(error) === 'data-corrupt') return undefined;
    throw error;
  }
}
