/** A broker in a process of its own: `node broker-script.ts <data folder>`. Says `ready` when it listens. */
import { startBroker } from '../../src/adapters/local/broker/broker.ts';
import { createLogger } from '../../src/logger.ts';

const dataDir = process.argv[2] ?? '';
const logger = createLogger({ component: 'broker', level: 'warn', format: 'json' });
const broker = await startBroker({ dataDir, logger, waitSeconds: 10 });
process.on('SIGTERM', () => void broker.close());
process.on('disconnect', () => void broker.close());
process.send?.('ready');
