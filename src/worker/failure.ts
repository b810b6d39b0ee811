import { errorCode, errorMessage, isTransient } from '../errors.ts';
import type { FailedResult } from '../jobs/job.ts';
import { BadImageError, RecogniserLostError } from '../recognition/errors.ts';

/** An error that nobody foresaw may have passed by the next receive; after this many failures it is the job's. */
export const FAILURES_BEFORE_INTERNAL = 3;

/** The picture crashed recognisers that ran it alone. */
export class PoisonError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'PoisonError';
  }
}

/** What was asked for cannot be done, whoever tries: a person that never was, a name that is none. */
export class TaskRefusedError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TaskRefusedError';
  }
}

/** The picture was erased or swept before anybody worked on it. */
export class PictureGoneError extends Error {
  constructor() {
    super('the picture was erased before it was recognised');
    this.name = 'PictureGoneError';
  }
}

/** What the job's result says when trying it again is pointless; undefined for an error that may pass, or that nobody foresaw. */
export function permanentFailure(error: unknown): FailedResult['error'] | undefined {
  const message = errorMessage(error);
  if (error instanceof PoisonError) return { code: 'poison', message };
  if (error instanceof PictureGoneError) return { code: 'erased', message };
  if (error instanceof TaskRefusedError) return { code: 'bad-request', message };
  if (error instanceof BadImageError) {
    return { code: error.reason === 'too-large' ? 'too-large' : 'bad-image', message };
  }
  switch (errorCode(error)) {
    case 'erased':
      return { code: 'erased', message };
    case 'limit-exceeded':
      return { code: 'too-large', message };
  }
  return undefined;
}

/** Whether the job has no part in it. Who is to blame for a lost recogniser is for the attempts to tell. */
export function isPassing(error: unknown): boolean {
  return isTransient(error) || isForTheOperator(error) || error instanceof RecogniserLostError;
}

/** A permission that was taken away, keys that ran out, a wrong region: every job fails so, and none should pay for it. */
function isForTheOperator(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'permission-denied' || code === 'config-invalid';
}

/** Whether a person should look at it: these go to the dead letters too. */
export function isForDeadLetters(failure: FailedResult['error']): boolean {
  return failure.code === 'poison' || failure.code === 'internal';
}
