import { Readable } from 'node:stream';
import { DeleteObjectCommand, HeadObjectCommand } from '@aws-sdk/client-s3';
import type {
  ObjectEntry,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  StoredObject,
} from '../../ports/object-store.ts';
import { checkKey, checkPutOptions } from '../object-rules.ts';
import { storedKey } from '../portable-key.ts';
import { BucketCalls, type BucketOptions, isMissingObject } from './s3/bucket-calls.ts';
import { listObjects } from './s3/listing.ts';
import { getObject, infoOf } from './s3/stored-object.ts';
import { upload } from './s3/upload.ts';
import { deleteFormerVersions } from './s3/versions.ts';

export interface S3ObjectStoreOptions extends BucketOptions {
  /** KMS key that objects are encrypted with; by default as the bucket says. */
  readonly kmsKey?: string | undefined;
}

/**
 * A bucket of S3, or of a service compatible with it. Conditional writes stand where folders have the broker's lock.
 *
 * It asks for s3:GetObject, PutObject, AbortMultipartUpload, DeleteObject, DeleteObjectVersion on the objects and
 * s3:ListBucket, ListBucketVersions on the bucket: without ListBucket S3 hides what is missing behind a 403.
 */
export class S3ObjectStore implements ObjectStore {
  readonly bucket: string;
  readonly #calls: BucketCalls;
  readonly #kmsKey: string | undefined;

  constructor(options: S3ObjectStoreOptions) {
    this.bucket = options.bucket;
    this.#calls = new BucketCalls(options);
    this.#kmsKey = options.kmsKey;
  }

  async put(key: string, body: Uint8Array | Readable, options: PutOptions = {}): Promise<{ etag: string }> {
    checkKey(key, this.bucket);
    checkPutOptions(options, body instanceof Readable, this.#calls.contextOf(key));
    return { etag: await upload(this.#calls, key, body, { ...options, kmsKey: this.#kmsKey }) };
  }

  async get(key: string, { signal }: { signal?: AbortSignal } = {}): Promise<StoredObject | undefined> {
    checkKey(key, this.bucket);
    return getObject(this.#calls, key, signal);
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    checkKey(key, this.bucket);
    // S3 has no permission of its own for looking without reading.
    return this.#calls.run({ action: 's3:GetObject', key }, async () => {
      try {
        const command = new HeadObjectCommand({ Bucket: this.bucket, Key: storedKey(key) });
        return infoOf(key, await this.#calls.client.send(command));
      } catch (error) {
        if (isMissingObject(error)) return undefined;
        throw error;
      }
    });
  }

  async delete(key: string): Promise<void> {
    checkKey(key, this.bucket);
    const command = { Bucket: this.bucket, Key: storedKey(key) };
    const { DeleteMarker } = await this.#calls.run({ action: 's3:DeleteObject', key }, async () =>
      this.#calls.client.send(new DeleteObjectCommand(command)),
    );
    // The bucket keeps versions: what was deleted is only hidden.
    if (DeleteMarker === true) await deleteFormerVersions(this.#calls, key);
  }

  async forgetVersions(key: string): Promise<void> {
    checkKey(key, this.bucket);
    await deleteFormerVersions(this.#calls, key);
  }

  list({
    prefix = '',
    startAfter,
  }: {
    prefix?: string;
    startAfter?: string;
  } = {}): AsyncIterable<ObjectEntry> {
    return listObjects(this.#calls, { prefix, startAfter });
  }
}
