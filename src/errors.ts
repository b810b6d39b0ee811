/** Every way an operation of ours can fail, as a word that programs may match on. */
export type ErrorCode =
  | 'bad-image'
  | 'bad-request'
  | 'capacity-unavailable'
  | 'config-invalid'
  | 'conflict'
  | 'data-corrupt'
  | 'data-folder-in-use'
  | 'disk-full'
  | 'erased'
  | 'internal'
  | 'limit-exceeded'
  | 'not-found'
  | 'permission-denied'
  | 'precondition-failed'
  | 'throttled'
  | 'timeout'
  | 'unavailable';

export type ErrorContext = Readonly<Record<string, string | number | boolean | undefined>>;

/**
 * The base of all errors that Facefleet throws on purpose.
 *
 * `code` is stable, the message is for people and names the thing, its value and what was expected.
 * `context` holds the facts (bucket, key, queue, job id …) as they go into logs.
 */
export class FacefleetError extends Error {
  readonly code: ErrorCode;
  readonly context: ErrorContext;

  constructor(code: ErrorCode, message: string, options: { context?: ErrorContext; cause?: unknown } = {}) {
    super(withContext(message, options.context), options.cause === undefined ? {} : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.context = options.context ?? {};
  }
}

/** The named object, queue, job or person does not exist. */
export class NotFoundError extends FacefleetError {
  constructor(message: string, options: { context?: ErrorContext; cause?: unknown } = {}) {
    super('not-found', message, options);
  }
}

/** A conditional write lost: somebody else created or changed the object first. Read again, then decide. */
export class PreconditionFailedError extends FacefleetError {
  constructor(message: string, options: { context?: ErrorContext; cause?: unknown } = {}) {
    super('precondition-failed', message, options);
  }
}

/** A part we depend on (broker, bucket, controller) does not answer now. The caller may retry. */
export class UnavailableError extends FacefleetError {
  constructor(message: string, options: { context?: ErrorContext; cause?: unknown } = {}) {
    super('unavailable', message, options);
  }
}

/** The service asks for fewer calls. Retry with backoff. */
export class ThrottledError extends FacefleetError {
  constructor(message: string, options: { context?: ErrorContext; cause?: unknown } = {}) {
    super('throttled', message, options);
  }
}

/** The fleet cannot provide another instance now. Try another offering, or later. */
export class CapacityUnavailableError extends FacefleetError {
  constructor(message: string, options: { context?: ErrorContext; cause?: unknown } = {}) {
    super('capacity-unavailable', message, options);
  }
}

/** Whether trying the same call again later may help. */
export function isTransient(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'unavailable' || code === 'throttled' || code === 'timeout' || code === 'disk-full';
}

/** Errors that only a person can mend: starting again would only say the same again. */
const FOR_A_PERSON: ReadonlySet<ErrorCode | undefined> = new Set<ErrorCode>([
  'config-invalid',
  'data-folder-in-use',
  'permission-denied',
  'bad-request',
  'conflict',
]);

/** Whether a process that could not start for this should not be started again until somebody has changed something. */
export function needsAPerson(error: unknown): boolean {
  return FOR_A_PERSON.has(errorCode(error));
}

/** The code of our errors, also of those that carry one without deriving from the base (recognition is a library apart). */
export function errorCode(error: unknown): ErrorCode | undefined {
  if (error instanceof FacefleetError) return error.code;
  if (error instanceof Error && 'code' in error && error.code === 'bad-image') return 'bad-image';
  return undefined;
}

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function withContext(message: string, context: ErrorContext | undefined): string {
  const facts = Object.entries(context ?? {}).filter(([, value]) => value !== undefined);
  if (facts.length === 0) return message;
  return `${message} [${facts.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(' ')}]`;
}
