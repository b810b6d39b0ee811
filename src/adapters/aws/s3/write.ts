import { randomUUID } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { PreconditionFailedError } from '../../../errors.ts';
import { encodeMetadataValue } from '../../../portable-metadata.ts';
import type { PutOptions } from '../../../ports/object-store.ts';
import { storedKey } from '../../portable-key.ts';
import { type BucketCalls, isMissingObject, isMissingUpload, isPreconditionFailure } from './bucket-calls.ts';
import { WRITE_ID_FIELD } from './stored-object.ts';

/** An object about to be written. */
export interface Write {
  readonly key: string;
  readonly options: PutOptions;
  /** Tells our own write from another's when the answer got lost. */
  readonly writeId: string | undefined;
  /** What every way to write it says of it. */
  readonly facts: ObjectFacts;
}

interface ObjectFacts {
  readonly Bucket: string;
  readonly Key: string;
  readonly ContentType: string;
  readonly Metadata: Record<string, string>;
  readonly ServerSideEncryption?: 'aws:kms';
  readonly SSEKMSKeyId?: string;
  readonly BucketKeyEnabled?: boolean;
}

export interface UploadOptions extends PutOptions {
  readonly kmsKey?: string | undefined;
}

export function writeOf(
  { bucket }: BucketCalls,
  key: string,
  { isInParts, ...options }: UploadOptions & { readonly isInParts: boolean },
): Write {
  const isConditional = options.ifMatch !== undefined || options.ifNoneMatch !== undefined;
  // A plain PUT may simply be repeated.
  const writeId = isConditional || isInParts ? randomUUID() : undefined;
  const metadata = Object.entries(options.metadata ?? {}).map(([name, value]) => [
    name,
    encodeMetadataValue(value),
  ]);
  return {
    key,
    options,
    writeId,
    facts: {
      Bucket: bucket,
      Key: storedKey(key),
      ContentType: options.contentType ?? 'application/octet-stream',
      Metadata: { ...Object.fromEntries(metadata), ...(writeId && { [WRITE_ID_FIELD]: writeId }) },
      ...(options.kmsKey !== undefined && {
        ServerSideEncryption: 'aws:kms',
        SSEKMSKeyId: options.kmsKey,
        BucketKeyEnabled: true,
      }),
    },
  };
}

/**
 * What a refused condition means. After an attempt whose answer got lost the object that is in the way may be our own:
 * then the write has succeeded, and its etag is the answer. Rejects otherwise.
 */
export async function settleRefusal(
  calls: BucketCalls,
  write: Write,
  { error, mayBeOurs }: { error: unknown; mayBeOurs: boolean },
): Promise<string> {
  const { key, options, writeId, facts } = write;
  if (mayBeOurs && writeId !== undefined && (isPreconditionFailure(error) || isMissingUpload(error))) {
    const etag = await etagOfOurs(calls, { Bucket: facts.Bucket, Key: facts.Key }, writeId);
    if (etag !== undefined) return etag;
  }
  if (options.ifMatch !== undefined && isMissingObject(error)) {
    throw new PreconditionFailedError('the object is gone', { context: calls.contextOf(key), cause: error });
  }
  throw error;
}

async function etagOfOurs(
  { client }: BucketCalls,
  place: { Bucket: string; Key: string },
  writeId: string,
): Promise<string | undefined> {
  try {
    const { Metadata, ETag } = await client.send(new HeadObjectCommand(place));
    return Metadata?.[WRITE_ID_FIELD] === writeId ? ETag : undefined;
  } catch (error) {
    if (isMissingObject(error)) return undefined;
    throw error;
  }
}

export function conditionOf({ ifMatch, ifNoneMatch }: PutOptions): {
  IfMatch?: string;
  IfNoneMatch?: string;
} {
  return {
    ...(ifMatch !== undefined && { IfMatch: ifMatch }),
    ...(ifNoneMatch !== undefined && { IfNoneMatch: ifNoneMatch }),
  };
}

/** As S3 wants it: four bytes, big end first, in base64. */
export function checksumOf(bytes: Uint8Array): string {
  const four = Buffer.alloc(4);
  four.writeUInt32BE(crc32(bytes));
  return four.toString('base64');
}
