import { join } from 'node:path';
import { type Broker, startBroker } from './adapters/local/broker/broker.ts';
import { BrokerClient } from './adapters/local/broker/broker-client.ts';
import { FolderObjectStore } from './adapters/local/folder-object-store.ts';
import { ProcessFleet } from './adapters/local/process-fleet.ts';
import { systemClock } from './adapters/local/system-clock.ts';
import type { LoadedConfig } from './config.ts';
import type { Deployment } from './deployment.ts';
import { bucketNames } from './jobs/keys.ts';
import { ensureJobQueues } from './jobs/queues.ts';
import { createLogger, type Logger } from './logger.ts';
import type { Fleet } from './ports/fleet.ts';

export interface ConnectOptions {
  /** For log lines: which tier this is. */
  readonly component: string;
  /** How long to wait for the broker, seconds. */
  readonly waitSeconds?: number;
}

/**
 * Connects a tier to the deployment that its config names.
 *
 * @throws UnavailableError when no broker serves the data folder.
 */
export async function connect(loaded: LoadedConfig, options: ConnectOptions): Promise<Deployment> {
  const { config } = loaded;
  const logger = loggerFor(loaded, options.component);
  const broker = await BrokerClient.connect({
    dataDir: config.dataDir,
    logger,
    ...(options.waitSeconds === undefined ? {} : { waitSeconds: options.waitSeconds }),
  });
  const bucket = (name: string) =>
    new FolderObjectStore({
      bucket: name,
      folder: join(config.dataDir, 'buckets', name),
      withLock: (lock, work) => broker.withLock(lock, work),
    });
  const names = bucketNames(config.prefix);
  await ensureJobQueues(broker.queues, config.prefix);
  return {
    loaded,
    logger,
    clock: systemClock,
    input: bucket(names.input),
    output: bucket(names.output),
    state: bucket(names.state),
    queues: broker.queues,
    lost: broker.lost,
    [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose](),
  };
}

/**
 * Serves the queues of the data folder from this process. `waitSeconds`: how long to wait for another broker to let go of it.
 *
 * @throws FacefleetError `data-folder-in-use`
 */
export function hostBroker(loaded: LoadedConfig, options: { waitSeconds: number }): Promise<Broker> {
  const { dataDir } = loaded.config;
  return startBroker({ dataDir, logger: loggerFor(loaded, 'broker'), waitSeconds: options.waitSeconds });
}

/**
 * Of glibc: its allocator keeps an arena per thread, and what one freed is of no use to another. With two a worker stays at
 * some 250 MB instead of 310. Ignored elsewhere.
 */
const WORKER_MEMORY_ENVIRONMENT = { MALLOC_ARENA_MAX: '2' };

/** The app tier's machines: on one machine, worker processes. */
export function createFleet(deployment: Deployment, environment: Record<string, string | undefined>): Fleet {
  const { config } = deployment.loaded;
  return new ProcessFleet({
    name: config.prefix,
    folder: join(config.dataDir, 'fleet'),
    logDir: join(config.dataDir, 'logs'),
    launch: {
      command: process.execPath,
      args: [launcherPath(), 'worker'],
      environment: { ...WORKER_MEMORY_ENVIRONMENT, ...environment },
    },
    logger: deployment.logger,
    clock: deployment.clock,
  });
}

/** `bin/facefleet.js`, from the sources and from the build alike. */
export function launcherPath(): string {
  return join(import.meta.dirname, '..', 'bin', 'facefleet.js');
}

export function loggerFor(loaded: LoadedConfig, component: string): Logger {
  const { logLevel, logFormat } = loaded.config;
  return createLogger({ component, level: logLevel, ...(logFormat === 'auto' ? {} : { format: logFormat }) });
}
