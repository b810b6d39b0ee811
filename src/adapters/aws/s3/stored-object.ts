import { Readable } from 'node:stream';
import { GetObjectCommand, type GetObjectCommandOutput } from '@aws-sdk/client-s3';
import { UnavailableError } from '../../../errors.ts';
import { decodeMetadataValue } from '../../../portable-metadata.ts';
import type { ObjectInfo, StoredObject } from '../../../ports/object-store.ts';
import { DEFAULT_LIMIT_BYTES, tooLarge } from '../../object-rules.ts';
import { storedKey } from '../../portable-key.ts';
import { type BucketCalls, isMissingObject, isPreconditionFailure } from './bucket-calls.ts';

/** Names which write it was, on objects that were written under a condition. Nobody else's business. */
export const WRITE_ID_FIELD = 'facefleet-write';

/** What came with the head anyway is read at once: its connection is free again, whether anybody wants it or not. */
const EAGER_BYTES = 64 * 1024;
/** A body that nobody has begun to read holds its connection no longer than this. */
const UNREAD_MS = 30_000;

/** Undefined when there is no such object. Reads small bodies whole. */
export async function getObject(
  calls: BucketCalls,
  key: string,
  signal: AbortSignal | undefined,
): Promise<StoredObject | undefined> {
  return calls.run(
    { action: 's3:GetObject', key },
    async () => {
      const answer = await request(calls, key, { signal });
      if (answer === undefined) return undefined;
      const info = infoOf(key, answer);
      const body = answer.Body as unknown as Readable;
      if (info.sizeBytes > EAGER_BYTES) return new S3Object(calls, info, body);
      return new S3Object(calls, info, Buffer.concat(await body.toArray()));
    },
    { signal },
  );
}

interface RequestOptions {
  readonly signal?: AbortSignal | undefined;
  readonly etag?: string;
}

async function request(
  { client, bucket }: BucketCalls,
  key: string,
  { signal, etag }: RequestOptions,
): Promise<GetObjectCommandOutput | undefined> {
  try {
    const command = new GetObjectCommand({
      Bucket: bucket,
      Key: storedKey(key),
      ChecksumMode: 'ENABLED',
      ...(etag !== undefined && { IfMatch: etag }),
    });
    return await client.send(command, { ...(signal && { abortSignal: signal }) });
  } catch (error) {
    if (isMissingObject(error)) return undefined;
    throw error;
  }
}

type Head = Pick<
  GetObjectCommandOutput,
  'ETag' | 'ContentLength' | 'LastModified' | 'ContentType' | 'Metadata'
>;

export function infoOf(key: string, head: Head): ObjectInfo {
  const metadata = Object.entries(head.Metadata ?? {})
    .filter(([name]) => name !== WRITE_ID_FIELD)
    .map(([name, value]) => [name, decodeMetadataValue(value)]);
  return {
    key,
    etag: head.ETag ?? '',
    sizeBytes: head.ContentLength ?? 0,
    lastModified: head.LastModified ?? new Date(0),
    contentType: head.ContentType ?? 'application/octet-stream',
    metadata: Object.fromEntries(metadata),
  };
}

class S3Object implements StoredObject {
  readonly info: ObjectInfo;
  readonly #calls: BucketCalls;
  #body: Buffer | Readable | undefined;
  #unread: NodeJS.Timeout | undefined;

  constructor(calls: BucketCalls, info: ObjectInfo, body: Buffer | Readable) {
    this.#calls = calls;
    this.info = info;
    this.#body = body;
    if (Buffer.isBuffer(body)) return;
    // Nobody listens yet to a connection that breaks; who reads later hears of it.
    body.on('error', () => {});
    this.#unread = setTimeout(() => this.#letGo(), UNREAD_MS).unref();
  }

  async bytes(limitBytes = DEFAULT_LIMIT_BYTES): Promise<Buffer> {
    const body = this.#take();
    if (this.info.sizeBytes > limitBytes) {
      if (!Buffer.isBuffer(body)) body?.destroy();
      throw tooLarge(limitBytes, this.#calls.contextOf(this.info.key));
    }
    if (Buffer.isBuffer(body)) return body;
    return this.#calls.run({ action: 's3:GetObject', key: this.info.key }, async (number) => {
      const source = number === 1 && body !== undefined ? body : await this.#open();
      return Buffer.concat(await source.toArray());
    });
  }

  stream(): Readable {
    const body = this.#take();
    if (Buffer.isBuffer(body)) return Readable.from(body.length > 0 ? [body] : [], { objectMode: false });
    const stream = Readable.from(this.#chunks(body), { objectMode: false });
    if (body !== undefined) stream.once('close', () => body.destroy());
    return stream;
  }

  async *#chunks(body: Readable | undefined): AsyncGenerator<Buffer> {
    try {
      yield* body ?? (await this.#open());
    } catch (error) {
      throw this.#calls.translate({ action: 's3:GetObject', key: this.info.key }, error);
    }
  }

  #take(): Buffer | Readable | undefined {
    clearTimeout(this.#unread);
    const body = this.#body;
    if (!Buffer.isBuffer(body)) this.#body = undefined;
    return body;
  }

  #letGo(): void {
    const body = this.#body;
    if (Buffer.isBuffer(body)) return;
    this.#body = undefined;
    body?.destroy();
  }

  /** The same version again. */
  async #open(): Promise<Readable> {
    const { key, etag } = this.info;
    try {
      const answer = await request(this.#calls, key, { etag });
      if (answer !== undefined) return answer.Body as unknown as Readable;
    } catch (error) {
      if (!isPreconditionFailure(error)) throw error;
    }
    throw new UnavailableError('the object was replaced before it was read', {
      context: this.#calls.contextOf(key),
    });
  }
}
