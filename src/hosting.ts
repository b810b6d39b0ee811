import { connect, hostBroker, machineNamed, needsBroker } from './compose.ts';
import type { LoadedConfig } from './config.ts';
import type { Deployment } from './deployment.ts';
import { UnavailableError } from './errors.ts';
import { Releasers } from './shutdown.ts';
import type { WorkerProcessOptions } from './worker/worker-process.ts';

/** A broker that runs answers at once; this much longer would only be waiting for nobody. */
const LOOK_SECONDS = 0.3;
/** An `up` that was just stopped needs a moment to let go of the data folder. */
const WAIT_FOR_OLD_BROKER_SECONDS = 10;

export interface AttachedDeployment extends Deployment {
  /** True: no service runs on the data folder, so this process serves itself until it is disposed of. */
  readonly isHosted: boolean;
}

export interface HostingOptions {
  /** False: a command that submits no jobs needs no worker of its own (default true). */
  readonly needsWorker?: boolean;
}

/**
 * For commands that work on the data folder: joins the service that runs on it or, when none does, hosts a broker and one
 * worker in this process for as long as the command takes.
 *
 * @throws FacefleetError `data-folder-in-use` when a service is there but does not answer.
 */
export async function attachOrHost(
  loaded: LoadedConfig,
  component: string,
  { needsWorker = true }: HostingOptions = {},
): Promise<AttachedDeployment> {
  const quiet = withoutChatter(loaded);
  try {
    return { ...(await connect(quiet, { component, waitSeconds: LOOK_SECONDS })), isHosted: false };
  } catch (error) {
    // On AWS whoever cannot reach it could not host it either.
    if (!(error instanceof UnavailableError) || !needsBroker(loaded.config)) throw error;
    return host(quiet, component, needsWorker);
  }
}

async function host(
  loaded: LoadedConfig,
  component: string,
  needsWorker: boolean,
): Promise<AttachedDeployment> {
  const releasers = new Releasers();
  try {
    releasers.use('broker', await hostBroker(loaded, { waitSeconds: WAIT_FOR_OLD_BROKER_SECONDS }));
    const deployment = releasers.use('deployment', await connect(loaded, { component }));
    if (needsWorker) startWorker(loaded, deployment, component, releasers);
    return { ...deployment, isHosted: true, [Symbol.asyncDispose]: () => releasers[Symbol.asyncDispose]() };
  } catch (error) {
    await releasers[Symbol.asyncDispose]();
    throw error;
  }
}

/** What broker and worker of a command's own have to say is not what was asked, unless somebody asked for a level. */
function withoutChatter(loaded: LoadedConfig): LoadedConfig {
  if (loaded.sources.logLevel !== 'default') return loaded;
  return { ...loaded, config: Object.freeze({ ...loaded.config, logLevel: 'error' }) };
}

function startWorker(
  loaded: LoadedConfig,
  deployment: Deployment,
  component: string,
  releasers: Releasers,
): void {
  const drain = new AbortController();
  const working = workUntil(drain.signal, {
    loaded: withRoomForMore(loaded),
    connect: () => connect(loaded, { component: 'worker' }),
    machine: machineNamed(`in-${component}-${process.pid}`),
  });
  // Told when it is released; until then a worker that failed shows as jobs that don't end.
  working.catch((error: unknown) => deployment.logger.error({ err: error }, 'the worker failed'));
  releasers.push('worker', () => {
    drain.abort();
    return working;
  });
}

/** Nobody else would replace a worker that wants to be. */
async function workUntil(drain: AbortSignal, options: Omit<WorkerProcessOptions, 'drain' | 'goesOn'>) {
  // Loaded only here: commands without a worker need no models.
  const { runWorkerProcess } = await import('./worker/worker-process.ts');
  while (!drain.aborted) {
    const reason = await runWorkerProcess({ ...options, drain, goesOn: true });
    if (reason === 'lost' || reason === 'stuck') throw new Error(`the worker ended: ${reason}`);
  }
}

/** The ceiling is for a worker alone in its process, which a new process cures: here are a broker and the command too, perhaps a second pack. */
function withRoomForMore(loaded: LoadedConfig): LoadedConfig {
  const workerMemoryBytes = loaded.config.workerMemoryBytes * 4;
  return { ...loaded, config: Object.freeze({ ...loaded.config, workerMemoryBytes }) };
}
