import type { Logger } from '../logger.ts';

/** Why a worker ends: it drains first. */
export type DrainReason =
  /** It was told to: a signal, or a supervisor. */
  | 'stopped'
  /** The controller said so. */
  | 'ordered'
  /** It outgrew its memory and wants to be replaced. */
  | 'memory'
  /** Everybody was embedded anew with another pack, and it has not got that one's models. */
  | 'pack'
  /** Its recogniser died: what it has in hand fails and comes to another worker. */
  | 'broken'
  /** No controller and no work for ten minutes. */
  | 'orphaned'
  /** Its machine is to be taken away. */
  | 'reclaimed';

/** Why a worker ends at once, whatever is in hand. */
export type LeaveReason =
  /** What the deployment stands on is gone. */
  | 'lost'
  /** A job takes so long that its recogniser must hang, which nothing but a new process cures. */
  | 'stuck'
  /** Its drain took too long for the controller: what is in hand was given back. */
  | 'overdue'
  /** Its machine goes before the work is done: what is in hand was given back. */
  | 'reclaimed';

export type EndReason = DrainReason | LeaveReason;

/**
 * What a worker's process exits with: 75 asks for a replacement, as sysexits' EX_TEMPFAIL, 69 and 70 say that a service was
 * lost or the software failed. At 76 its unit on EC2 powers the machine off, which nobody else would.
 */
export const EXIT_CODES: Readonly<Record<EndReason, number>> = {
  stopped: 0,
  ordered: 0,
  overdue: 0,
  lost: 69,
  stuck: 70,
  broken: 70,
  memory: 75,
  pack: 75,
  orphaned: 76,
  reclaimed: 76,
};

/** When and why the worker ends: the first reason to drain counts, and a reason to leave at once overrides it. */
export class Ending {
  readonly #drain = new AbortController();
  readonly #leave = new AbortController();
  readonly #logger: Logger;
  #reason: EndReason | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Aborts when nothing new is to be started. */
  get draining(): AbortSignal {
    return this.#drain.signal;
  }

  /** Aborts when what is in hand is not to be waited for either. */
  get leaving(): AbortSignal {
    return this.#leave.signal;
  }

  get reason(): EndReason {
    return this.#reason ?? 'stopped';
  }

  drain(reason: DrainReason, facts: object = {}): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#logger.info({ reason, ...facts }, 'draining');
    this.#drain.abort();
  }

  leave(reason: LeaveReason, facts: object = {}): void {
    if (this.#leave.signal.aborted) return;
    this.#reason = reason;
    this.#logger.error({ reason, ...facts }, 'leaving at once; what was in hand comes to another worker');
    this.#drain.abort();
    this.#leave.abort();
  }
}
