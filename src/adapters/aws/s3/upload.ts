import { Readable } from 'node:stream';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { tooLarge } from '../../object-rules.ts';
import type { BucketCalls } from './bucket-calls.ts';
import { putInParts } from './multipart.ts';
import { type Part, partsOf, partsOfStream } from './parts.ts';
import { checksumOf, conditionOf, settleRefusal, type UploadOptions, type Write, writeOf } from './write.ts';

/** What goes in one piece. S3 would take 5 GB, but a piece that fails is sent again whole. */
const MAX_SINGLE_BYTES = 16 * 1024 * 1024;
/** Of a stream so much is held in memory at once, and one part more that is on its way. */
const PART_BYTES = 8 * 1024 * 1024;

/** Stores the body in one piece, or in parts when it is long or nobody knows how long; resolves to the etag. */
export async function upload(
  calls: BucketCalls,
  key: string,
  body: Uint8Array | Readable,
  options: UploadOptions,
): Promise<string> {
  const whole = (bytes: Uint8Array) =>
    putWhole(calls, writeOf(calls, key, { ...options, isInParts: false }), bytes);
  const inParts = (parts: AsyncIterable<Part>, first?: Uint8Array) =>
    putInParts(calls, writeOf(calls, key, { ...options, isInParts: true }), parts, first);
  if (!(body instanceof Readable)) {
    if (body.byteLength > (options.maxBytes ?? Number.POSITIVE_INFINITY)) {
      throw tooLarge(options.maxBytes ?? 0, calls.contextOf(key));
    }
    if (body.byteLength <= MAX_SINGLE_BYTES) return whole(body);
    return inParts(partsOf(body, PART_BYTES));
  }
  const limit = { maxBytes: options.maxBytes ?? 0, context: calls.contextOf(key) };
  const parts = partsOfStream(body, { partBytes: PART_BYTES, limit, signal: options.signal });
  try {
    const first = await parts.next();
    const bytes = first.done === true ? Buffer.alloc(0) : first.value.bytes;
    if (first.done === true || first.value.isLast) return await whole(bytes);
    return await inParts(parts, bytes);
  } finally {
    body.destroy();
    await parts.return(undefined);
  }
}

async function putWhole(calls: BucketCalls, write: Write, bytes: Uint8Array): Promise<string> {
  const { key, options, facts } = write;
  return calls.run(
    { action: 's3:PutObject', key },
    async (number) => {
      try {
        const answer = await calls.client.send(
          new PutObjectCommand({
            ...facts,
            ...conditionOf(options),
            Body: bytes,
            ContentLength: bytes.byteLength,
            ChecksumCRC32: checksumOf(bytes),
          }),
        );
        return answer.ETag ?? '';
      } catch (error) {
        return await settleRefusal(calls, write, { error, mayBeOurs: number > 1 });
      }
    },
    { signal: options.signal },
  );
}
