/**
 * A client in a process of its own, to be killed: `node broker-user-script.ts <data folder> <what>`.
 * `hold-messages`: receives three from the queue `work` and keeps them. `hold-lock`: takes the lock `mine`.
 */
import { BrokerClient } from '../../src/adapters/local/broker/broker-client.ts';
import { silentLogger } from '../../src/logger.ts';

const [dataDir = '', what] = process.argv.slice(2);
const client = await BrokerClient.connect({ dataDir, logger: silentLogger });
process.on('disconnect', () => process.exit());
if (what === 'hold-lock') {
  await client.withLock('mine', () => {
    process.send?.('ready');
    return new Promise<never>(() => undefined);
  });
} else {
  const options = { max: 3, waitSeconds: 20, visibilityTimeoutSeconds: 600 };
  const held = await client.queues.open('work').receive(options);
  process.send?.(held.length === 3 ? 'ready' : `held ${held.length} messages`);
}
