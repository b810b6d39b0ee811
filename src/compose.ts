import { join } from 'node:path';
import type { Broker } from './adapters/local/broker/broker.ts';
import { ProcessMachine } from './adapters/local/process-machine.ts';
import type { CloudAccount } from './cloud/account.ts';
import type { ConnectOptions } from './compose/connect-options.ts';
import { connectLocally, createProcessFleet, startLocalBroker } from './compose/local.ts';
import {
  type Config,
  fleetKind,
  instanceIdentity,
  type LoadedConfig,
  openTelemetryVariables,
} from './config.ts';
import type { Deployment } from './deployment.ts';
import { ensureJobQueues } from './jobs/queues.ts';
import { createLogger, type Logger } from './logger.ts';
import type { Fleet } from './ports/fleet.ts';
import type { Machine } from './ports/machine.ts';
import { openTelemetry } from './telemetry/open-telemetry.ts';

export type { ConnectOptions } from './compose/connect-options.ts';

/** AWS's SDK takes a third of a second and some 30 MB to load: only who is on AWS pays for it. */
const aws = () => import('./compose/aws.ts');

/**
 * Connects a tier to the deployment that its config names.
 *
 * @throws UnavailableError when what it stands on does not answer: locally, when no broker serves the data folder.
 */
export async function connect(loaded: LoadedConfig, options: ConnectOptions): Promise<Deployment> {
  const logger = loggerFor(loaded, options.component);
  const ports =
    loaded.config.on === 'aws'
      ? await (await aws()).connectToAws(loaded, logger)
      : await connectLocally(loaded, logger, options);
  try {
    await ensureJobQueues(ports.queues, loaded.config);
    const variables = openTelemetryVariables();
    const telemetry = await openTelemetry({ tier: options.component, variables, logger });
    const dispose = async () => {
      await telemetry.spans?.[Symbol.asyncDispose]();
      await ports[Symbol.asyncDispose]();
    };
    return { ...ports, telemetry, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await ports[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * Makes what a deployment stands on and nobody else has made: on AWS, or a service compatible with it, its buckets.
 * Locally folders come by themselves.
 */
export async function prepare(loaded: LoadedConfig): Promise<void> {
  if (loaded.config.on === 'aws') await (await aws()).ensureAwsBuckets(loaded);
}

/** The app tier's machines: worker processes, or EC2 instances. `environment`: what a worker process gets. */
export async function createFleet(
  deployment: Deployment,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Fleet> {
  if (fleetKind(deployment.loaded.config) === 'ec2') return (await aws()).createEc2Fleet(deployment);
  return createProcessFleet(deployment, { launcher: launcherPath(), environment });
}

/** What this worker runs on: a process of a local fleet is told who it is, an EC2 instance finds out. */
export async function createMachine(loaded: LoadedConfig, logger: Logger): Promise<Machine> {
  const told = instanceIdentity();
  const isAsked = loaded.config.on === 'aws' && told === undefined && !loaded.config.awsMetadataDisabled;
  return isAsked ? (await aws()).createEc2Machine(loaded, logger) : new ProcessMachine(told);
}

/** For a worker inside another process, in no fleet. */
export function machineNamed(id: string): Machine {
  return new ProcessMachine({ id, slot: 0, generation: 0 });
}

/** The cloud account that `aws` verbs and the doctor look after. */
export async function openCloudAccount(loaded: LoadedConfig): Promise<CloudAccount> {
  return (await aws()).openAccount(loaded);
}

/** Whether queues live in a broker of ours, which somebody must run. */
export function needsBroker({ on }: Config): boolean {
  return on === 'local';
}

/**
 * Serves the queues of the data folder from this process. `waitSeconds`: how long to wait for another broker to let go of it.
 *
 * @throws FacefleetError `data-folder-in-use`
 */
export function hostBroker(loaded: LoadedConfig, options: { waitSeconds: number }): Promise<Broker> {
  return startLocalBroker(loaded, loggerFor(loaded, 'broker'), options);
}

/** `bin/facefleet.js`, from the sources and from the build alike. */
export function launcherPath(): string {
  return join(import.meta.dirname, '..', 'bin', 'facefleet.js');
}

export function loggerFor(loaded: LoadedConfig, component: string): Logger {
  const { logLevel, logFormat } = loaded.config;
  return createLogger({ component, level: logLevel, ...(logFormat === 'auto' ? {} : { format: logFormat }) });
}
