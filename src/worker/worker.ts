import type { Deployment } from '../deployment.ts';
import { FacefleetError } from '../errors.ts';
import { GalleryDirectory } from '../gallery/directory.ts';
import type { GalleryChanges } from '../gallery/enrolment.ts';
import type { GalleryReplica } from '../gallery/types.ts';
import type { GalleryId } from '../jobs/job.ts';
import { queueNames } from '../jobs/keys.ts';
import type { Machine, MachineIdentity } from '../ports/machine.ts';
import type { Queue, QueueMessage } from '../ports/queue.ts';
import type { Recogniser } from '../recognition/types.ts';
import type { Heartbeat } from '../scaling/heartbeat.ts';
import { Releasers } from '../shutdown.ts';
import { AttemptLog } from './attempts.ts';
import { Deliveries } from './deliveries.ts';
import { Ending, type EndReason } from './ending.ts';
import { Galleries, type OpenedGallery } from './galleries.ts';
import { GalleryWatch } from './gallery-watch.ts';
import { GuardedReading } from './guarded-reading.ts';
import { HeartbeatClient } from './heartbeat-client.ts';
import { InHand } from './in-hand.ts';
import type { PictureReader } from './isolated-recogniser.ts';
import { JobProcessor } from './job-processor.ts';
import { JobReports } from './job-report.ts';
import { pollForMessages } from './polling.ts';
import { createReaders } from './readers.ts';
import { Reclamation } from './reclamation.ts';
import { ResultWriter } from './result-writer.ts';
import { VisibilityKeeper } from './visibility-keeper.ts';
import { Watchdog } from './watchdog.ts';

export interface WorkerOptions {
  readonly deployment: Deployment;
  /** May still be loading; the controller hears of the worker meanwhile. The caller closes both. */
  readonly recogniser: Recogniser | Promise<Recogniser>;
  readonly gallery: GalleryReplica | Promise<GalleryReplica>;
  /** What enrolments and re-embeddings do to the gallery that this is a replica of. */
  readonly galleryChanges: (replica: GalleryReplica) => GalleryChanges;
  /** Loads a gallery other than the default one; without it, jobs about others fail. */
  readonly openGallery?: (galleryId: GalleryId) => Promise<OpenedGallery>;
  /** Opens a recogniser of another pack, which the worker closes. */
  readonly openRecogniser: (packId: string) => Promise<Recogniser>;
  /** Reads one picture in a process apart, for jobs that are suspected of crashing recognisers. */
  readonly isolatedReader: (packId: string) => PictureReader;
  readonly instance: MachineIdentity;
  /** Tells when it is to be taken away. */
  readonly machine?: Machine | undefined;
  /** Aborts when the worker is to drain and end. */
  readonly drain: AbortSignal;
  /** Called once, when it begins to take jobs. */
  readonly onReady?: (() => void) | undefined;
  /** Memory of this process in bytes; a test may say otherwise. */
  readonly residentBytes?: () => number;
}

/**
 * Works jobs off the request queue until it is told to end, and resolves to why it did.
 *
 * A drain calls the poll back, gives back what was not started, finishes what runs and tells the controller.
 * When the deployment is lost or a job hangs, it resolves at once with jobs in hand, and the process must end too:
 * their messages come to another worker. So it does when its drain takes too long, but then it gives them back first.
 */
export async function runWorker(options: WorkerOptions): Promise<EndReason> {
  return new Worker(options).run();
}

/** Who leaves for these has time to say so. */
const GIVE_BACK: readonly EndReason[] = ['overdue', 'reclaimed'];

class Worker {
  readonly #options: WorkerOptions;
  readonly #residentBytes: () => number;
  readonly #ending: Ending;
  readonly #inHand: InHand;
  #gallery: GalleryWatch | undefined;
  #keeper: VisibilityKeeper | undefined;
  #state: 'starting' | 'running' | 'drained' = 'starting';
  #done = 0;

  constructor(options: WorkerOptions) {
    const { deployment } = options;
    this.#options = options;
    this.#residentBytes = options.residentBytes ?? (() => process.memoryUsage.rss());
    this.#ending = new Ending(deployment.logger);
    this.#inHand = new InHand({
      concurrency: deployment.loaded.config.concurrency,
      clock: deployment.clock,
    });
  }

  async run(): Promise<EndReason> {
    const { deployment, drain } = this.#options;
    const ending = this.#ending;
    await using releasers = new Releasers();
    const heartbeats = releasers.use('heartbeats', this.#startHeartbeats());
    onAbort(releasers, ending.draining, () => heartbeats.beatSoon());
    onAbort(releasers, drain, () => ending.drain('stopped'));
    onAbort(releasers, deployment.lost, () => ending.leave('lost'));
    this.#watchMachine(releasers);

    await Promise.race([this.#work(releasers, heartbeats), aborted(ending.leaving)]);
    const isGivingBack = ending.leaving.aborted && GIVE_BACK.includes(ending.reason);
    if (isGivingBack) await this.#keeper?.giveBackAll();
    if (!ending.leaving.aborted || isGivingBack) {
      this.#state = 'drained';
      await heartbeats.sayLast();
    }
    deployment.logger.info({ reason: ending.reason, done: this.#done }, 'worker ended');
    return ending.reason;
  }

  async #work(releasers: Releasers, heartbeats: HeartbeatClient): Promise<void> {
    const { deployment, recogniser: loading } = this.#options;
    const { clock, logger, queues } = deployment;
    const { config } = deployment.loaded;
    const loaded = Promise.all([loading, this.#options.gallery]);
    const parts = await Promise.race([loaded, aborted(this.#ending.draining)]);
    if (parts === undefined) return;
    const [recogniser, replica] = parts;
    const gallery = new GalleryWatch({ replica, clock, logger, onChange: () => heartbeats.beatSoon() });
    this.#gallery = gallery;
    this.#watch(releasers, replica);

    const queue = queues.open(queueNames(config.prefix).requests);
    const visibilityTimeoutSeconds = config.visibilityTimeoutSeconds;
    const galleries = releasers.use('galleries', this.#openGalleries(gallery, recogniser.packId));
    const processor = this.#createProcessor({ releasers, queue, recogniser, galleries });
    const visible = { queue, timeoutSeconds: visibilityTimeoutSeconds, clock, logger };
    const keeper = releasers.use('visibility keeper', new VisibilityKeeper(visible));
    this.#keeper = keeper;
    this.#startWatchdog({ releasers, heartbeats, galleries });

    this.#state = 'running';
    heartbeats.beatSoon();
    logger.info({ galleryVersion: replica.version, packId: recogniser.packId }, 'ready for jobs');
    this.#options.onReady?.();
    const onMessage = (message: QueueMessage) => void this.#handle(message, processor, keeper);
    const inHand = this.#inHand;
    await pollForMessages(
      { queue, visibilityTimeoutSeconds, inHand, onMessage, clock, logger },
      this.#ending.draining,
    );
    await inHand.empty();
  }

  async #handle(message: QueueMessage, processor: JobProcessor, keeper: VisibilityKeeper): Promise<void> {
    using job = this.#inHand.add();
    using _hidden = keeper.hold(message.receipt);
    if (await processor.handle(message, job, this.#ending.draining)) this.#done++;
  }

  /** What metrics tell of jobs in hand and of the gallery. */
  #watch(releasers: Releasers, replica: GalleryReplica): void {
    const { metrics } = this.#options.deployment.telemetry;
    const inHand = metrics.gauge('facefleet_jobs_in_hand', 'Jobs that the worker has begun');
    const people = metrics.gauge('facefleet_gallery_people', 'People in the gallery that the worker holds');
    const faces = metrics.gauge('facefleet_gallery_faces', 'Faces in the gallery that the worker holds');
    const version = metrics.gauge(
      'facefleet_gallery_version',
      'Version of the gallery that the worker holds',
    );
    const stop = metrics.onRead(() => {
      inHand.set(this.#inHand.count);
      people.set(replica.people);
      faces.set(replica.faces);
      version.set(replica.version);
    });
    releasers.push('metrics', stop);
  }

  #openGalleries(watch: GalleryWatch, packId: string): Galleries {
    const { deployment, galleryChanges, openGallery } = this.#options;
    const directory = new GalleryDirectory(deployment);
    return new Galleries({
      main: { watch, changes: galleryChanges(watch.replica), packId },
      open: async (galleryId) => {
        if (openGallery === undefined) throw new Error('this worker knows the default gallery only');
        if (await directory.isOpen(galleryId)) return openGallery(galleryId);
        throw new FacefleetError('erased', 'the gallery was removed', { context: { gallery: galleryId } });
      },
      isOpen: (galleryId) => directory.isOpen(galleryId),
      clock: deployment.clock,
      logger: deployment.logger,
    });
  }

  #createProcessor({ releasers, queue, recogniser, galleries }: ProcessorParts): JobProcessor {
    const { deployment, instance, openRecogniser, isolatedReader } = this.#options;
    const { clock, logger, queues, state } = deployment;
    const { prefix, dialect, falsePositiveRate, smallFaces, maxUploadBytes, concurrency } =
      deployment.loaded.config;
    const shared = { instanceId: instance.id, clock, logger };
    const readers = releasers.use(
      'recognisers of other packs',
      createReaders({ own: recogniser, open: openRecogniser, isolated: isolatedReader }),
    );
    const attempts = new AttemptLog(state);
    return new JobProcessor({
      ...shared,
      buckets: deployment,
      maxPictureBytes: maxUploadBytes,
      concurrency,
      reports: new JobReports(deployment.telemetry, instance.id),
      deliveries: new Deliveries({ ...shared, queues, requests: queue, prefix }),
      results: new ResultWriter({ buckets: deployment, dialect, galleries }),
      attempts,
      reading: new GuardedReading({
        ...shared,
        readers,
        attempts,
        onLost: () => this.#ending.drain('broken'),
      }),
      tools: {
        galleries,
        falsePositiveRate,
        smallFaces,
      },
    });
  }

  #watchMachine(releasers: Releasers): void {
    const { machine, deployment } = this.#options;
    if (machine === undefined) return;
    const { clock } = deployment;
    releasers.use('machine watch', new Reclamation({ machine, ending: this.#ending, clock }));
  }

  #startWatchdog({ releasers, heartbeats, galleries }: WatchdogParts): void {
    const { clock, loaded } = this.#options.deployment;
    const watchdog = new Watchdog({
      inHand: this.#inHand,
      heartbeats,
      galleries,
      ending: this.#ending,
      memoryBytes: loaded.config.workerMemoryBytes,
      clock,
      residentBytes: this.#residentBytes,
    });
    releasers.use('watchdog', watchdog);
  }

  #startHeartbeats(): HeartbeatClient {
    const { state, clock, logger } = this.#options.deployment;
    return new HeartbeatClient({
      state,
      clock,
      logger,
      describe: () => this.#describe(),
      onReply: ({ order, galleryVersion }) => {
        if (order === 'drain') this.#ending.drain('ordered');
        if (order === 'release') this.#ending.leave('overdue');
        void this.#gallery?.catchUpWith(galleryVersion);
      },
    });
  }

  #describe(): Heartbeat {
    const { instance, deployment } = this.#options;
    const isDraining = this.#state !== 'drained' && this.#ending.draining.aborted;
    return {
      instanceId: instance.id,
      slot: instance.slot,
      generation: instance.generation,
      pid: process.pid,
      state: isDraining ? 'draining' : this.#state,
      busy: this.#inHand.count,
      done: this.#done,
      serviceSeconds: this.#inHand.serviceSeconds,
      concurrency: deployment.loaded.config.concurrency,
      galleryVersion: this.#gallery?.replica.version ?? 0,
      residentBytes: this.#residentBytes(),
      uptimeSeconds: process.uptime(),
    };
  }
}

interface ProcessorParts {
  readonly releasers: Releasers;
  readonly queue: Queue;
  readonly recogniser: Recogniser;
  readonly galleries: Galleries;
}

interface WatchdogParts {
  readonly releasers: Releasers;
  readonly heartbeats: HeartbeatClient;
  readonly galleries: Galleries;
}

/** Calls back once the signal aborts, also when it has; the releasers take the listener off again. */
function onAbort(releasers: Releasers, signal: AbortSignal, act: () => void): void {
  if (signal.aborted) act();
  else signal.addEventListener('abort', act, { once: true });
  releasers.push('abort listener', () => signal.removeEventListener('abort', act));
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
