import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { type BucketCalls, isMissingUpload } from './bucket-calls.ts';
import type { Part } from './parts.ts';
import { checksumOf, conditionOf, settleRefusal, type Write } from './write.ts';

interface SentPart {
  readonly PartNumber: number;
  readonly ETag: string;
  readonly ChecksumCRC32: string;
}

/**
 * Stores the parts (`first`, if it was taken already, before the others) and puts them together when all are there; only then, and under the condition,
 * does the object come to be. Whatever fails, no part stays behind.
 */
export async function putInParts(
  calls: BucketCalls,
  write: Write,
  parts: AsyncIterable<Part>,
  first?: Uint8Array,
): Promise<string> {
  const uploadId = await begin(calls, write);
  try {
    const sent: SentPart[] = [];
    if (first !== undefined) sent.push(await sendPart(calls, write, { uploadId, number: 1, bytes: first }));
    for await (const { bytes } of parts) {
      if (bytes.byteLength === 0) continue;
      sent.push(await sendPart(calls, write, { uploadId, number: sent.length + 1, bytes }));
    }
    return await complete(calls, write, uploadId, sent);
  } catch (error) {
    await abandon(calls, write, uploadId);
    throw error;
  }
}

function begin(calls: BucketCalls, { key, facts, options }: Write): Promise<string> {
  return calls.run(
    { action: 's3:PutObject', key },
    async () => {
      const command = new CreateMultipartUploadCommand({ ...facts, ChecksumAlgorithm: 'CRC32' });
      const { UploadId } = await calls.client.send(command);
      if (UploadId === undefined) throw new Error('S3 began an upload and gave it no id');
      return UploadId;
    },
    { signal: options.signal },
  );
}

function sendPart(
  calls: BucketCalls,
  { key, facts, options }: Write,
  { uploadId, number, bytes }: { uploadId: string; number: number; bytes: Uint8Array },
): Promise<SentPart> {
  const ChecksumCRC32 = checksumOf(bytes);
  return calls.run(
    { action: 's3:PutObject', key },
    async () => {
      const { ETag } = await calls.client.send(
        new UploadPartCommand({
          Bucket: facts.Bucket,
          Key: facts.Key,
          UploadId: uploadId,
          PartNumber: number,
          Body: bytes,
          ContentLength: bytes.byteLength,
          ChecksumCRC32,
        }),
      );
      return { PartNumber: number, ETag: ETag ?? '', ChecksumCRC32 };
    },
    { signal: options.signal },
  );
}

async function complete(
  calls: BucketCalls,
  write: Write,
  uploadId: string,
  parts: readonly SentPart[],
): Promise<string> {
  const { key, facts, options } = write;
  return calls.run(
    { action: 's3:PutObject', key },
    async (number) => {
      try {
        const { ETag } = await calls.client.send(
          new CompleteMultipartUploadCommand({
            Bucket: facts.Bucket,
            Key: facts.Key,
            UploadId: uploadId,
            MultipartUpload: { Parts: [...parts] },
            ...conditionOf(options),
          }),
        );
        return ETag ?? '';
      } catch (error) {
        return await settleRefusal(calls, write, { error, mayBeOurs: number > 1 });
      }
    },
    { signal: options.signal },
  );
}

async function abandon(calls: BucketCalls, { key, facts }: Write, UploadId: string): Promise<void> {
  const command = { Bucket: facts.Bucket, Key: facts.Key, UploadId };
  await calls
    .run({ action: 's3:AbortMultipartUpload', key }, async () => {
      try {
        await calls.client.send(new AbortMultipartUploadCommand(command));
      } catch (error) {
        // Gone already: it was completed after all, or abandoned by an attempt whose answer got lost.
        if (!isMissingUpload(error)) throw error;
      }
    })
    // The error that led here is the one to tell; the bucket's lifecycle rule takes what stays behind.
    .catch(() => {});
}
