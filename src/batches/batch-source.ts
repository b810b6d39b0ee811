import { FacefleetError } from '../errors.ts';

/** A picture of a batch, or what somebody took for one. */
export interface BatchPicture {
  /** Without folders. */
  readonly fileName: string;
  /** The bytes, or why they cannot be had: then the others can. */
  readonly content: Buffer | FacefleetError;
}

export interface BatchLimits {
  readonly maxPictures: number;
  readonly maxPictureBytes: number;
  /** Of all pictures together, unpacked. */
  readonly maxTotalBytes: number;
}

/** A batch that was looked through and may be taken. */
export interface BatchSource {
  readonly count: number;
  /** Files that are no pictures and were not meant to be. */
  readonly skipped: number;
  /** One at a time, in order. */
  pictures(): AsyncGenerator<BatchPicture>;
}

/** The batch as a whole can't be taken. */
export function refusal(what: string): FacefleetError {
  return new FacefleetError('bad-request', what);
}

export function tooMuch(what: string): FacefleetError {
  return new FacefleetError('limit-exceeded', what);
}
