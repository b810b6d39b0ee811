import type { Logger } from './logger.ts';

/** What was started, undone in reverse order; every releaser runs even when others fail. */
export class Releasers implements AsyncDisposable {
  readonly #releasers: { name: string; release: () => unknown }[] = [];

  push(name: string, release: () => unknown): void {
    this.#releasers.push({ name, release });
  }

  /** Adds something disposable and hands it back. */
  use<T extends AsyncDisposable>(name: string, resource: T): T {
    this.push(name, () => resource[Symbol.asyncDispose]());
    return resource;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = [];
    for (let next = this.#releasers.pop(); next !== undefined; next = this.#releasers.pop()) {
      try {
        await next.release();
      } catch (error) {
        failures.push(new Error(`releasing ${next.name} failed`, { cause: error }));
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'shutdown was not clean');
  }
}

export interface ShutdownSignals extends Disposable {
  /** Aborts at the first signal: drain. */
  readonly drain: AbortSignal;
}

/** The first SIGINT, SIGTERM or SIGHUP drains, the second ends the process at once with 128 + its number. */
export function onShutdownSignals(logger: Logger): ShutdownSignals {
  const controller = new AbortController();
  const numbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
  const names = Object.keys(numbers) as (keyof typeof numbers)[];
  const onSignal = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      logger.warn({ signal }, 'second signal: stopping at once');
      process.exit(128 + (numbers[signal as keyof typeof numbers] ?? 0));
    }
    logger.info({ signal }, 'draining; a second signal stops at once');
    controller.abort(signal);
  };
  for (const name of names) process.on(name, onSignal);
  return {
    drain: controller.signal,
    [Symbol.dispose]: () => {
      for (const name of names) process.off(name, onSignal);
    },
  };
}
