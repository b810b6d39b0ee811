import type { Logger } from '../logger.ts';

/** Logs that something fails when it begins to, fails otherwise than before, and works again; not every time. */
export class TroubleLog {
  readonly #logger: Logger;
  readonly #troubles = new Map<string, string>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  fails(what: string, error: string): void {
    if (this.#troubles.get(what) === error) return;
    this.#troubles.set(what, error);
    this.#logger.warn({ error }, `${what} fails`);
  }

  works(what: string): void {
    if (this.#troubles.delete(what)) this.#logger.info(`${what} works again`);
  }
}
