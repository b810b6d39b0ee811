import type { Logger } from '../logger.ts';
import { type ChildSpec, type ReadyFacts, SupervisedChild } from './supervised-child.ts';

export interface SupervisorOptions {
  /** Started in this order, each when the one before is ready; stopped in the reverse order. */
  readonly children: readonly ChildSpec[];
  readonly logger: Logger;
  /** How long each child may take to end, milliseconds. */
  readonly stopGraceMs: number;
}

/** Keeps the tiers of one machine running: what systemd is on a server, `facefleet up` is on a laptop. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #children: SupervisedChild[] = [];
  readonly #failed = Promise.withResolvers<never>();

  constructor(options: SupervisorOptions) {
    this.#options = options;
    // `start` and `failed` both watch it; alone it is no unhandled rejection.
    this.#failed.promise.catch(() => {});
  }

  /** Rejects when a child says that it can't start until a person changes something. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** Resolves to what each child said when it was first ready. */
  async start(): Promise<Record<string, ReadyFacts>> {
    const facts: Record<string, ReadyFacts> = {};
    for (const spec of this.#options.children) {
      facts[spec.name] = await Promise.race([this.#startChild(spec), this.#failed.promise]);
    }
    return facts;
  }

  async stop(): Promise<void> {
    for (const child of this.#children.toReversed()) await child.stop(this.#options.stopGraceMs);
  }

  killAll(): void {
    for (const child of this.#children) child.kill();
  }

  #startChild(spec: ChildSpec): Promise<ReadyFacts> {
    return new Promise((resolve) => {
      const child = new SupervisedChild(
        spec,
        {
          onReady: resolve,
          onFatal: (error) => this.#failed.reject(error),
        },
        this.#options.logger,
      );
      this.#children.push(child);
      child.start();
    });
  }
}
