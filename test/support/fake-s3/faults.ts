import type { S3Error } from './s3-error.ts';

/** S3's names of calls, which are also those of the SDK's commands. */
export type S3Operation =
  | 'AbortMultipartUpload'
  | 'CompleteMultipartUpload'
  | 'CreateBucket'
  | 'CreateMultipartUpload'
  | 'DeleteBucket'
  | 'DeleteObject'
  | 'DeleteObjects'
  | 'GetBucketLocation'
  | 'GetBucketVersioning'
  | 'GetObject'
  | 'HeadBucket'
  | 'HeadObject'
  | 'ListBuckets'
  | 'ListMultipartUploads'
  | 'ListObjectVersions'
  | 'ListObjectsV2'
  | 'PutBucketEncryption'
  | 'PutBucketTagging'
  | 'PutBucketVersioning'
  | 'PutObject'
  | 'PutPublicAccessBlock'
  | 'UploadPart';

export interface Fault {
  /** What the caller is told; without one the connection breaks. */
  readonly error?: S3Error;
  /** `before` (the default): nothing is done; `after`: it is carried out, and only the answer is lost; `midway`: of a body only half is sent. */
  readonly moment?: 'before' | 'after' | 'midway';
  /** Only for this key, or keys that match. */
  readonly key?: string | RegExp;
  /** How many calls it hits (default 1). */
  readonly times?: number;
}

interface Armed extends Fault {
  readonly operation: S3Operation;
  left: number;
}

/** What the endpoint was told to fail, in order. */
export class Faults {
  readonly #armed: Armed[] = [];

  failNext(operation: S3Operation, fault: Fault = {}): void {
    this.#armed.push({ ...fault, operation, left: fault.times ?? 1 });
  }

  take(operation: S3Operation, key: string | undefined): Fault | undefined {
    const fault = this.#armed.find(
      (one) => one.left > 0 && one.operation === operation && fits(one.key, key),
    );
    if (fault !== undefined) fault.left--;
    return fault;
  }
}

function fits(wanted: string | RegExp | undefined, key: string | undefined): boolean {
  if (wanted === undefined) return true;
  return key !== undefined && (typeof wanted === 'string' ? wanted === key : wanted.test(key));
}
