import { join } from 'node:path';
import { type Broker, startBroker } from '../adapters/local/broker/broker.ts';
import { BrokerClient } from '../adapters/local/broker/broker-client.ts';
import { FolderObjectStore } from '../adapters/local/folder-object-store.ts';
import { ProcessFleet } from '../adapters/local/process-fleet.ts';
import { systemClock } from '../adapters/local/system-clock.ts';
import { type LoadedConfig, writeServiceFile } from '../config.ts';
import type { Deployment, Ports } from '../deployment.ts';
import { bucketNames } from '../jobs/keys.ts';
import type { Logger } from '../logger.ts';
import type { Fleet } from '../ports/fleet.ts';
import type { ConnectOptions } from './connect-options.ts';

/**
 * Buckets are folders, queues the broker's.
 *
 * @throws UnavailableError when no broker serves the data folder.
 */
export async function connectLocally(
  loaded: LoadedConfig,
  logger: Logger,
  { waitSeconds }: ConnectOptions,
): Promise<Ports> {
  const { config } = loaded;
  const broker = await BrokerClient.connect({
    dataDir: config.dataDir,
    logger,
    ...(waitSeconds === undefined ? {} : { waitSeconds }),
  });
  const bucket = (name: string) =>
    new FolderObjectStore({
      bucket: name,
      folder: join(config.dataDir, 'buckets', name),
      withLock: (lock, work) => broker.withLock(lock, work),
    });
  const names = bucketNames(config.prefix);
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

/** @throws FacefleetError `data-folder-in-use` */
export async function startLocalBroker(
  { config }: LoadedConfig,
  logger: Logger,
  { waitSeconds }: { waitSeconds: number },
): Promise<Broker> {
  const broker = await startBroker({ dataDir: config.dataDir, logger, waitSeconds });
  writeServiceFile(config);
  return broker;
}

/**
 * Of glibc: its allocator keeps an arena per thread, and what one freed is of no use to another. With two a worker stays at
 * some 250 MB instead of 310. Ignored elsewhere.
 */
const WORKER_MEMORY_ENVIRONMENT = { MALLOC_ARENA_MAX: '2' };
/** What holds a picture's bytes is collected soon, so that they don't heap up behind it; costs nothing that could be measured. */
const WORKER_NODE_FLAGS = ['--max-semi-space-size=4'];

export interface ProcessFleetOptions {
  /** `bin/facefleet.js` */
  readonly launcher: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Instances are worker processes of this machine. */
export function createProcessFleet(deployment: Deployment, options: ProcessFleetOptions): Fleet {
  const { config } = deployment.loaded;
  return new ProcessFleet({
    name: config.prefix,
    folder: join(config.dataDir, 'fleet'),
    logDir: join(config.dataDir, 'logs'),
    launch: {
      command: process.execPath,
      args: [...WORKER_NODE_FLAGS, options.launcher, 'worker'],
      environment: { ...WORKER_MEMORY_ENVIRONMENT, ...options.environment },
    },
    logger: deployment.logger,
    clock: deployment.clock,
  });
}
