/**
 * A broker in a process of its own: `node broker-script.ts <data folder>`. Says `waiting` when only another broker can
 * keep it from starting, and `ready` when it listens.
 */
import { startBroker } from '../../src/adapters/local/broker/broker.ts';
import { createLogger } from '../../src/logger.ts';

const dataDir = process.argv[2] ?? '';
const logger = createLogger({ component: 'broker', level: 'warn', format: 'json' });
process.send?.('waiting');
const broker = await startBroker({ dataDir, logger, waitSeconds: 60 });
process.on('SIGTERM', () => void broker.close());
process.on('disconnect', () => void broker.close());
process.send?.('ready');
