import type { S3Client } from '@aws-sdk/client-s3';
import type { FacefleetError } from '../../../errors.ts';
import { type CallOptions, callAws } from '../calling.ts';
import { type AwsCall, translateAwsError } from '../errors.ts';
import { factsOf } from '../sdk-facts.ts';

export interface BucketOptions {
  readonly bucket: string;
  readonly client: S3Client;
  /** For messages. */
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
}

export interface BucketCall {
  /** The permission it takes. */
  readonly action: string;
  /** As our callers know it. */
  readonly key?: string;
}

/** Calls that concern one bucket, with what a message about their failure needs. */
export class BucketCalls {
  readonly bucket: string;
  readonly client: S3Client;
  readonly #place: { endpoint: string | undefined; region: string | undefined };

  constructor({ bucket, client, endpoint, region }: BucketOptions) {
    this.bucket = bucket;
    this.client = client;
    this.#place = { endpoint, region };
  }

  run<T>(what: BucketCall, attempt: (number: number) => Promise<T>, options?: CallOptions): Promise<T> {
    return callAws(this.#callOf(what), attempt, options);
  }

  translate(what: BucketCall, error: unknown): FacefleetError {
    return translateAwsError(error, this.#callOf(what));
  }

  #callOf({ action, key }: BucketCall): AwsCall {
    return { action, context: this.contextOf(key), ...this.#place };
  }

  contextOf(key: string | undefined): { bucket: string; key?: string } {
    return { bucket: this.bucket, ...(key !== undefined && { key: key.slice(0, 200) }) };
  }
}

/** That there is no such object; of HEAD, which has no body to say so in, too. */
export function isMissingObject(error: unknown): boolean {
  const { code, status } = factsOf(error);
  return code === 'NoSuchKey' || code === 'NotFound' || (status === 404 && code === '');
}

/** Completed, abandoned, or never begun. */
export function isMissingUpload(error: unknown): boolean {
  return factsOf(error).code === 'NoSuchUpload';
}

export function isPreconditionFailure(error: unknown): boolean {
  return factsOf(error).status === 412;
}

/** The service knows no such call. */
export function isNotImplemented(error: unknown): boolean {
  const { code, status } = factsOf(error);
  return status === 501 || code === 'NotImplemented';
}
