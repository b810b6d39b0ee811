import { S3Client } from '@aws-sdk/client-s3';
import { type AwsSettings, clientOptions, endpointOf } from '../client-options.ts';
import { requestHandler } from '../request-handler.ts';

/** As many uploads as a web tier takes at once, each with an answer to read besides. */
const MAX_SOCKETS = 200;
/** A transfer that stands still for so long is taken for dead. */
const SILENCE_MS = 10_000;

export function createS3Client(settings: AwsSettings): S3Client {
  return new S3Client({
    ...clientOptions(settings, 's3'),
    // Compatible services on an address of their own have no name per bucket.
    forcePathStyle: endpointOf(settings, 's3') !== undefined,
    // The adapter sends a CRC-32 that Node computes natively, and the SDK checks the ones that come with objects.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 1,
    requestHandler: requestHandler({ maxSockets: MAX_SOCKETS, silenceMs: SILENCE_MS }),
  });
}
