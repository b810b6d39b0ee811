import { createSqsClient } from '../../src/adapters/aws/sqs/sqs-client.ts';
import { SqsQueueService } from '../../src/adapters/aws/sqs-queue-service.ts';
import { settingsFor } from '../support/aws-settings.ts';
import { FakeSqs } from '../support/fake-sqs.ts';
import { queueContract } from './queue.contract.ts';

queueContract('SQS', async () => {
  const sqs = await FakeSqs.start();
  const client = createSqsClient(settingsFor({ sqs: sqs.directEndpoint }));
  const queues = new SqsQueueService({ client, endpoint: sqs.directEndpoint });
  return {
    queues,
    // Of fauxqs 2.4; moto, in `npm run test:aws`, carries them.
    carriesAstral: false,
    [Symbol.asyncDispose]: async () => {
      await queues[Symbol.asyncDispose]();
      await sqs[Symbol.asyncDispose]();
    },
  };
});
