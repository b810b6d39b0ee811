import { createSqsClient } from '../../src/adapters/aws/sqs/sqs-client.ts';
import { SqsQueueService } from '../../src/adapters/aws/sqs-queue-service.ts';
import { queueContract } from '../contract/queue.contract.ts';
import { settingsFor } from '../support/aws-settings.ts';
import { startMoto } from './python.ts';

queueContract('SQS, on moto', async () => {
  const moto = await startMoto();
  const client = createSqsClient(settingsFor({ sqs: moto.endpoint }));
  const queues = new SqsQueueService({ client, endpoint: moto.endpoint });
  return {
    queues,
    forgetsReceipts: false,
    [Symbol.asyncDispose]: async () => {
      await queues[Symbol.asyncDispose]();
      await moto[Symbol.asyncDispose]();
    },
  };
});
