import { startBroker } from '../../src/adapters/local/broker/broker.ts';
import { BrokerClient } from '../../src/adapters/local/broker/broker-client.ts';
import { silentLogger } from '../../src/logger.ts';
import { Releasers } from '../../src/shutdown.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { queueContract } from './queue.contract.ts';

queueContract('broker', async () => {
  const releasers = new Releasers();
  const dataDir = releasers.use('folder', temporaryFolder()).path;
  releasers.use('broker', await startBroker({ dataDir, logger: silentLogger }));
  const client = releasers.use('client', await BrokerClient.connect({ dataDir, logger: silentLogger }));
  return { queues: client.queues, [Symbol.asyncDispose]: () => releasers[Symbol.asyncDispose]() };
});
