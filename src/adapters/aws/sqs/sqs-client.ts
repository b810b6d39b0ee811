import { SQSClient } from '@aws-sdk/client-sqs';
import { type AwsSettings, clientOptions } from '../client-options.ts';
import { requestHandler } from '../request-handler.ts';

const MAX_SOCKETS = 64;
/** Above the longest poll. */
const SILENCE_MS = 30_000;

export function createSqsClient(settings: AwsSettings): SQSClient {
  return new SQSClient({
    ...clientOptions(settings, 'sqs'),
    // TLS guards the bodies on their way; the digests would only cost time.
    md5: false,
    // A compatible service may tell URLs by which only itself can reach it.
    useQueueUrlAsEndpoint: false,
    maxAttempts: 1,
    requestHandler: requestHandler({ maxSockets: MAX_SOCKETS, silenceMs: SILENCE_MS }),
  });
}
