import { errorMessage, FacefleetError, needsAPerson } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { type ChildLink, linkToParent, sendToParent } from '../supervisor/child-link.ts';

/**
 * Runs one tier as a process: links it to a supervisor, if there is one, and turns a failure to start into one clear
 * message and exit code 1.
 *
 * `run` starts the tier, calls `link.ready`, and resolves when the tier has ended after `link.stop`.
 */
export async function runTier(logger: Logger, run: (link: ChildLink) => Promise<void>): Promise<void> {
  using link = linkToParent(logger);
  try {
    await run(link);
  } catch (error) {
    if (error instanceof FacefleetError && needsAPerson(error)) {
      sendToParent({ type: 'fatal', code: error.code, message: errorMessage(error) });
      process.exitCode = 1;
      // The supervisor says it, once.
      if (link.isSupervised) return;
    }
    throw error;
  }
}

/** Resolves when any of the signals is aborted. */
export function aborted(...signals: readonly AbortSignal[]): Promise<void> {
  const any = AbortSignal.any([...signals]);
  return new Promise((resolve) => {
    if (any.aborted) resolve();
    else any.addEventListener('abort', () => resolve(), { once: true });
  });
}
