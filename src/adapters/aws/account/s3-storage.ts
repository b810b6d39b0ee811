import { randomUUID } from 'node:crypto';
import {
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectVersionsCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';

import type { BucketState, Storage } from '../../../cloud/account.ts';
import { errorCode, FacefleetError, NotFoundError } from '../../../errors.ts';
import type { AwsSettings } from '../client-options.ts';
import { createS3Client } from '../s3/s3-client.ts';
import type { SdkFacts } from '../sdk-facts.ts';
import { ServiceCalls, undefinedIfMissing } from './service-calls.ts';

/** What an operator's verbs need of S3. Jobs use the object store. */
export class S3Storage implements Storage {
  readonly #calls: ServiceCalls;
  readonly #client: S3Client;

  constructor(settings: AwsSettings) {
    this.#calls = new ServiceCalls('s3', settings);
    this.#client = createS3Client(settings);
  }

  async state(bucket: string): Promise<BucketState> {
    try {
      await this.#calls.run(
        'ListBucket',
        { bucket },
        () => this.#client.send(new HeadBucketCommand({ Bucket: bucket })),
        { special: GONE },
      );
      return 'ours';
    } catch (error) {
      if (error instanceof NotFoundError) return 'missing';
      // S3 answers 403 for others' buckets, and 301 for those of another region.
      if (isAboutThisBucket(error)) return 'foreign';
      throw error;
    }
  }

  async has(bucket: string, key: string): Promise<boolean> {
    const ask = () => this.#client.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
    return this.#calls.run('GetObject', { bucket, key }, ask, { special: GONE }).then(
      () => true,
      (error: unknown) => undefinedIfMissing(error) ?? false,
    );
  }

  async put(bucket: string, key: string, bytes: Uint8Array): Promise<void> {
    const input = { Bucket: bucket, Key: key, Body: bytes };
    await this.#calls.run('PutObject', { bucket, key }, () => this.#client.send(new PutObjectCommand(input)));
  }

  async read(bucket: string, key: string): Promise<string | undefined> {
    const ask = async () => {
      const { Body } = await this.#client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      return Body?.transformToString();
    };
    return this.#calls.run('GetObject', { bucket, key }, ask, { special: GONE }).catch(undefinedIfMissing);
  }

  async remove(bucket: string, key: string): Promise<void> {
    await this.#calls.run('DeleteObject', { bucket, key }, () =>
      this.#client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key })),
    );
  }

  async honoursConditions(bucket: string): Promise<boolean> {
    const key = `doctor/${randomUUID()}`;
    const put = () =>
      this.#client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: 'x', IfNoneMatch: '*' }));
    try {
      await this.#calls.run('PutObject', { bucket, key }, put);
      await this.#calls.run('PutObject', { bucket, key }, put);
      return false;
    } catch (error) {
      if (errorCode(error) === 'precondition-failed') return true;
      // Better a clear refusal than a condition that is dropped, but neither will do.
      if (error instanceof FacefleetError && /NotImplemented/.test(error.message)) return false;
      throw error;
    } finally {
      await this.remove(bucket, key);
    }
  }

  async removeBucket(bucket: string, onProgress: (objects: number) => void = () => {}): Promise<void> {
    let count = 0;
    for (;;) {
      const versions = await this.#somePages(bucket);
      if (versions === undefined) return;
      if (versions.length === 0) break;
      const input = { Bucket: bucket, Delete: { Objects: versions, Quiet: true } };
      const ask = () => this.#client.send(new DeleteObjectsCommand(input));
      const { Errors: [first] = [] } = await this.#calls.run('DeleteObjectVersion', { bucket }, ask);
      if (first !== undefined) {
        throw new FacefleetError(
          'permission-denied',
          `${first.Key} of ${bucket} cannot be deleted: ${first.Code} ${first.Message}`,
        );
      }
      count += versions.length;
      onProgress(count);
    }
    const ask = () => this.#client.send(new DeleteBucketCommand({ Bucket: bucket }));
    await this.#calls.run('DeleteBucket', { bucket }, ask, { special: GONE }).catch(undefinedIfMissing);
  }

  destroy(): void {
    this.#client.destroy();
  }

  /** Up to a thousand versions and markers of deletions; undefined when there is no bucket. */
  async #somePages(bucket: string): Promise<{ Key: string; VersionId?: string }[] | undefined> {
    const ask = () => this.#client.send(new ListObjectVersionsCommand({ Bucket: bucket, MaxKeys: 1000 }));
    const page = await this.#calls
      .run('ListBucketVersions', { bucket }, ask, { special: GONE })
      .catch(undefinedIfMissing);
    if (page === undefined) return undefined;
    return [...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])].map(({ Key = '', VersionId }) => ({
      Key,
      ...(VersionId === undefined ? {} : { VersionId }),
    }));
  }
}

const gone = (facts: SdkFacts) => new NotFoundError(facts.message, { cause: facts.error });
/** A HEAD has no body, so its 404 has no other name. */
const GONE = { NotFound: gone, NoSuchKey: gone, NoSuchBucket: gone };

function isAboutThisBucket(error: unknown): boolean {
  if (!(error instanceof FacefleetError)) return false;
  const { name, $metadata } = (error.cause ?? {}) as {
    name?: string;
    $metadata?: { httpStatusCode?: number };
  };
  const status = $metadata?.httpStatusCode;
  // Bad credentials are refused with a name of their own where there is a body; HEAD has none, and STS was asked before.
  return (status === 403 || status === 301) && name !== 'InvalidAccessKeyId';
}
