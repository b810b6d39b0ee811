/** The bytes are not a picture we read, or break a limit; trying again is pointless. */
export class BadImageError extends Error {
  readonly code = 'bad-image';
  /** What was wrong, as a word for programs. */
  readonly reason: BadImageReason;

  constructor(reason: BadImageReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'BadImageError';
    this.reason = reason;
  }
}

export type BadImageReason = 'empty' | 'not-a-picture' | 'format' | 'truncated' | 'too-large' | 'corrupt';

/** A model file is missing, altered, or not what its manifest says. */
export class ModelError extends Error {
  readonly code = 'model-invalid';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ModelError';
  }
}

/** The thread or process that recognised died over a picture. The recogniser is of no more use; open a new one. */
export class RecogniserLostError extends Error {
  readonly code = 'recogniser-lost';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RecogniserLostError';
  }
}
