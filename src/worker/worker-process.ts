import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LoadedConfig } from '../config.ts';
import type { Deployment } from '../deployment.ts';
import { createGalleryChanges, Gallery, type GalleryReplica, openGalleryReplica } from '../gallery/index.ts';
import type { Machine } from '../ports/machine.ts';
import {
  activePack,
  type OpenRecogniserOptions,
  openRecogniser,
  PackRegistry,
  type Recogniser,
} from '../recognition/index.ts';
import { serveMetrics } from '../telemetry/serve-metrics.ts';
import type { EndReason } from './ending.ts';
import type { OpenedGallery } from './galleries.ts';
import type { IsolatedMainSettings } from './isolated-main.ts';
import { createIsolatedRecogniser, type PictureReader } from './isolated-recogniser.ts';
import { openRecogniserPool } from './recogniser-pool.ts';
import { runWorker } from './worker.ts';

/** For one picture in a process of its own, loading the models included; twice this fits well into the time after which a job counts as stuck. */
const ISOLATED_SECONDS = 60;

export interface WorkerProcessOptions {
  readonly loaded: LoadedConfig;
  /** Called at once; models load meanwhile. */
  readonly connect: () => Promise<Deployment>;
  /** What it runs on; asked who it is while models load. */
  readonly machine: Machine;
  readonly drain: AbortSignal;
  /** Called once, when it begins to take jobs. */
  readonly onReady?: () => void;
  /** The process goes on afterwards, so everything that was opened is closed; otherwise its end does that, faster. */
  readonly goesOn?: boolean;
}

/**
 * Runs a worker on real models and the stored gallery, and resolves to why it ended. Its last act is the caller's: to
 * end the process, with `EXIT_CODES` of the reason.
 */
export async function runWorkerProcess(options: WorkerProcessOptions): Promise<EndReason> {
  const { loaded, machine, drain } = options;
  const { config } = loaded;
  const models = new Models(loaded);
  const isConfigured = loaded.sources.pack !== 'default';
  const packId = await activePack({
    dataDir: config.dataDir,
    configured: isConfigured ? config.pack : undefined,
  });
  const opening = models.openPool(packId);
  const connecting = Promise.all([options.connect(), machine.identity()]);
  const [deployment, instance] = await connecting.catch(async (error: unknown) => {
    await closeQuietly(opening);
    throw error;
  });
  const { state, clock } = deployment;
  const serving =
    options.goesOn === true ? undefined : await serveMetrics(deployment, 'worker', instance.slot);
  const pair = openPair({ models, deployment, packId, opening });
  const working = runWorker({
    deployment,
    recogniser: pair.then(({ recogniser }) => recogniser),
    gallery: pair.then(({ replica }) => replica),
    galleryChanges: (replica) => createGalleryChanges({ gallery: new Gallery({ state, clock }), replica }),
    openGallery: (galleryId) => openGallery(models, deployment, packId, galleryId),
    openRecogniser: (otherPackId) => models.open(otherPackId),
    isolatedReader: (otherPackId) => models.isolated(otherPackId),
    instance,
    machine,
    drain,
    onReady: options.onReady,
  });
  try {
    return await working;
  } finally {
    if (options.goesOn === true) await closeAll(pair, deployment);
    else await deployment.telemetry.spans?.flush();
    await serving?.[Symbol.asyncDispose]();
  }
}

/** Recognisers as the settings say, of whichever pack. */
class Models {
  readonly #loaded: LoadedConfig;

  constructor(loaded: LoadedConfig) {
    this.#loaded = loaded;
  }

  get folder(): string {
    return join(this.#loaded.config.dataDir, 'models');
  }

  open(packId: string): Promise<Recogniser> {
    return openRecogniser(this.#settings(packId));
  }

  openPool(packId: string): Promise<Recogniser> {
    return openRecogniserPool(this.#loaded.config.concurrency, () => this.open(packId));
  }

  isolated(packId: string): PictureReader {
    const { workerMemoryBytes: memoryBytes } = this.#loaded.config;
    const settings: IsolatedMainSettings = { ...this.#settings(packId), memoryBytes };
    return createIsolatedRecogniser({
      // Sources run as .ts and the published package as .js.
      entry: fileURLToPath(new URL(`./isolated-main${extname(import.meta.url)}`, import.meta.url)),
      args: [JSON.stringify(settings)],
      timeLimitSeconds: ISOLATED_SECONDS,
      heapBytes: memoryBytes,
    });
  }

  #settings(packId: string): OpenRecogniserOptions {
    const { maxPixels, smallFaces } = this.#loaded.config;
    return { modelsDir: this.folder, packId, maxPixels, smallFaces };
  }
}

interface PairOptions {
  readonly models: Models;
  readonly deployment: Deployment;
  readonly packId: string;
  readonly opening: Promise<Recogniser>;
}

interface Pair {
  readonly recogniser: Recogniser;
  readonly replica: GalleryReplica;
}

/** Models and gallery of the pack that answers: the configured one, unless the gallery was switched to another. */
async function openPair({ models, deployment, packId, opening }: PairOptions): Promise<Pair> {
  try {
    const { state, logger } = deployment;
    const { thresholds } = await new PackRegistry({ folder: models.folder }).find(packId);
    const replica = await openGalleryReplica({ state, packId, thresholds, logger });
    const { activePack: answering = packId } = replica;
    if (answering === packId) return { recogniser: await opening, replica };
    await replica[Symbol.asyncDispose]();
    await closeQuietly(opening);
    return openPair({ models, deployment, packId: answering, opening: models.openPool(answering) });
  } catch (error) {
    await closeQuietly(opening);
    throw error;
  }
}

/** Another gallery, with the templates of the pack that answers in it: the worker's own, while it is empty. */
async function openGallery(
  models: Models,
  deployment: Deployment,
  packId: string,
  galleryId: string,
): Promise<OpenedGallery> {
  const { state, clock, logger } = deployment;
  const { thresholds } = await new PackRegistry({ folder: models.folder }).find(packId);
  const replica = await openGalleryReplica({ state, packId, thresholds, logger, name: galleryId });
  const { activePack: answering = packId } = replica;
  if (answering !== packId) {
    await replica[Symbol.asyncDispose]();
    return openGallery(models, deployment, answering, galleryId);
  }
  const gallery = new Gallery({ state, clock, name: galleryId });
  return { replica, changes: createGalleryChanges({ gallery, replica }) };
}

async function closeAll(opening: Promise<Pair>, deployment: Deployment): Promise<void> {
  // What failed to open is closed already, and its error is the worker's.
  const pair = await opening.catch(() => undefined);
  await pair?.recogniser[Symbol.asyncDispose]();
  await pair?.replica[Symbol.asyncDispose]();
  await deployment[Symbol.asyncDispose]();
}

/** Whatever it was opened for has failed, and that is the error to tell. */
async function closeQuietly(opening: Promise<Recogniser>): Promise<void> {
  const recogniser = await opening.catch(() => undefined);
  await recogniser?.[Symbol.asyncDispose]();
}
