import {
  type BucketLocationConstraint,
  CreateBucketCommand,
  HeadBucketCommand,
  PutPublicAccessBlockCommand,
} from '@aws-sdk/client-s3';
import { factsOf } from '../sdk-facts.ts';
import { BucketCalls, type BucketOptions, isNotImplemented } from './bucket-calls.ts';

/** The region that must not be named when a bucket is made there. */
const UNNAMED_REGION = 'us-east-1';

/**
 * Makes the bucket unless it is there. S3 encrypts what is put into a bucket and lets nobody else in unless told to;
 * that nobody can be let in by accident is set here.
 *
 * @throws FacefleetError `conflict` when the name belongs to somebody else.
 */
export async function ensureBucket(options: BucketOptions): Promise<void> {
  const calls = new BucketCalls(options);
  if (await exists(calls)) return;
  const region = options.region ?? UNNAMED_REGION;
  const LocationConstraint = region as BucketLocationConstraint;
  await calls.run({ action: 's3:CreateBucket' }, async () => {
    const command = new CreateBucketCommand({
      Bucket: calls.bucket,
      ...(region !== UNNAMED_REGION && { CreateBucketConfiguration: { LocationConstraint } }),
    });
    try {
      await calls.client.send(command);
    } catch (error) {
      if (factsOf(error).code !== 'BucketAlreadyOwnedByYou') throw error;
    }
  });
  await calls.run({ action: 's3:PutBucketPublicAccessBlock' }, async () => {
    const PublicAccessBlockConfiguration = {
      BlockPublicAcls: true,
      IgnorePublicAcls: true,
      BlockPublicPolicy: true,
      RestrictPublicBuckets: true,
    };
    try {
      await calls.client.send(
        new PutPublicAccessBlockCommand({ Bucket: calls.bucket, PublicAccessBlockConfiguration }),
      );
    } catch (error) {
      // Compatible services without public buckets have nothing to block.
      if (!isNotImplemented(error)) throw error;
    }
  });
}

async function exists(calls: BucketCalls): Promise<boolean> {
  return calls.run({ action: 's3:ListBucket' }, async () => {
    try {
      await calls.client.send(new HeadBucketCommand({ Bucket: calls.bucket }));
      return true;
    } catch (error) {
      // Of a bucket that is somebody else's too, HEAD says no more than 403: making it says which it is.
      const { status } = factsOf(error);
      if (status === 404 || status === 403) return false;
      throw error;
    }
  });
}
