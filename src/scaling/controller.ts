import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { hostname } from 'node:os';
import { fleetKind } from '../config.ts';
import type { Deployment } from '../deployment.ts';
import { errorMessage } from '../errors.ts';
import { Gallery } from '../gallery/gallery.ts';
import { Bell } from '../housekeeping/bell.ts';
import { type Chore, choresOf, keepHouse } from '../housekeeping/housekeeping.ts';
import { ensureJobQueues } from '../jobs/queues.ts';
import type { Fleet } from '../ports/fleet.ts';
import type { Queue } from '../ports/queue.ts';
import { Releasers } from '../shutdown.ts';
import type { SpendingCaps } from './budget.ts';
import { advertisedUrl, type ControllerPlace } from './controller-place.ts';
import { FleetMeter } from './fleet-meter.ts';
import type { ControllerStatus, Heartbeat, HeartbeatReply, LeaderRecord } from './heartbeat.ts';
import { HeartbeatBook } from './heartbeat-book.ts';
import { type ControllerDesk, startHeartbeatServer } from './heartbeat-server.ts';
import { acquireLeadership, type Lease, newToken } from './leader.ts';
import type { ScalingLimits } from './policy.ts';
import { Reconciler } from './reconciler.ts';
import { type ScalingTimings, scalingTimings } from './timings.ts';
import { TroubleLog } from './trouble-log.ts';
import { WakeUp } from './wake-up.ts';

export interface ControllerOptions {
  readonly deployment: Deployment;
  readonly fleet: Fleet;
  /** Where it listens and is reached; default: a free port of 127.0.0.1. */
  readonly place?: ControllerPlace;
  readonly timings?: ScalingTimings;
}

export interface Controller extends AsyncDisposable {
  /** `http://host:port` for heartbeats and hints. */
  readonly address: string;
  /** Whether it leads now; another one may. */
  readonly isLeading: boolean;
}

/** All that a fleet of that size can need at once: a launch that waits for the next round has a second less to work in. */
const MAX_ACTIONS_PER_ROUND = 40;
/** A heartbeat tells how a worker is for as long as so many of them take. */
const FRESH_BEATS = 3;
/** Hints that come in a storm make no more rounds than this. */
const LEAST_ROUND_MS = 20;
/** In case a hint was lost. */
const GALLERY_LOOK_MS = 10_000;
/** A list of processes misses nothing but what is being launched; EC2's is two seconds old and misses a minute's launches. */
const PACES = {
  process: { roundMs: 250, listingLagMs: 2000 },
  ec2: { roundMs: 1000, listingLagMs: 65_000 },
} as const;

/**
 * Starts a controller: it waits until it leads, then keeps the fleet at the size that the queue asks for and the house
 * in order, until it is disposed of. Instances go on without it.
 */
export async function startController(options: ControllerOptions): Promise<Controller> {
  const { deployment } = options;
  const { requests } = await ensureJobQueues(deployment.queues, deployment.loaded.config);
  const token = newToken();
  const tenure = new Tenure(options, { requests, token, chores: await choresOf(deployment) });
  const { place } = options;
  const server = await startHeartbeatServer({ ...place, desk: tenure, token, logger: deployment.logger });
  const address = place === undefined ? server.address : advertisedUrl(place, server.port);
  const stop = new AbortController();
  const running = tenure.run({ address, isListenedOnHere: address.endsWith(`:${server.port}`) }, stop.signal);
  const releasers = new Releasers();
  releasers.use('heartbeat server', server);
  releasers.push('leadership', () => {
    stop.abort();
    return running;
  });
  return {
    address,
    get isLeading() {
      return tenure.isLeading;
    },
    [Symbol.asyncDispose]: () => releasers[Symbol.asyncDispose](),
  };
}

interface TenureParts {
  readonly requests: Queue;
  readonly token: string;
  readonly chores: readonly Chore[];
}

/** Where workers are told to report. */
interface Reached {
  readonly address: string;
  /** Its port is the one that this process listens on, not another one's that leads here. */
  readonly isListenedOnHere: boolean;
}

/** What a controller does while it leads, and waiting in between. */
class Tenure implements ControllerDesk {
  readonly #options: ControllerOptions;
  readonly #parts: TenureParts;
  readonly #timings: ScalingTimings;
  readonly #wakeUp: WakeUp;
  readonly #bell: Bell;
  readonly #gallery: Gallery;
  readonly #meter: FleetMeter;
  #galleryVersion = 0;
  #office: { lease: Lease; reconciler: Reconciler; beats: HeartbeatBook } | undefined;

  constructor(options: ControllerOptions, parts: TenureParts) {
    const { clock, state, loaded } = options.deployment;
    this.#options = options;
    this.#parts = parts;
    this.#wakeUp = new WakeUp(clock);
    this.#bell = new Bell(clock, parts.chores);
    this.#gallery = new Gallery({ state, clock });
    this.#meter = new FleetMeter({
      ...options.deployment,
      requests: parts.requests,
      look: () => ({ isLeading: this.isLeading, beats: this.#beats() }),
    });
    this.#timings =
      options.timings ?? scalingTimings({ ...loaded.config, ...PACES[fleetKind(loaded.config)] });
  }

  get isLeading(): boolean {
    return this.#office?.lease.mayChange() ?? false;
  }

  onHeartbeat(beat: Heartbeat): HeartbeatReply | undefined {
    const office = this.#office;
    const order = office?.lease.mayChange() ? office.reconciler.orderFor(beat) : undefined;
    if (office === undefined || order === undefined) return undefined;
    if (office.beats.note(beat)) this.#wakeUp.call();
    // A writer that died before it could tell has told by its worker.
    this.#galleryVersion = Math.max(this.#galleryVersion, beat.galleryVersion);
    return { order, galleryVersion: this.#galleryVersion, epoch: office.lease.epoch };
  }

  status(): ControllerStatus {
    return {
      isLeading: this.isLeading,
      workers: this.#beats(),
      galleryVersion: this.#galleryVersion,
      instanceSeconds: this.#meter.instanceSeconds,
    };
  }

  onWake(): boolean {
    this.#office?.reconciler.hint();
    this.#wakeUp.call();
    return this.isLeading;
  }

  onGalleryVersion(version: number): boolean {
    this.#galleryVersion = Math.max(this.#galleryVersion, version);
    return this.isLeading;
  }

  onChore(name: string): boolean {
    this.#bell.ring(name);
    return this.isLeading;
  }

  async run({ address, isListenedOnHere }: Reached, signal: AbortSignal): Promise<void> {
    const { state, clock, logger } = this.#options.deployment;
    const own = isListenedOnHere ? address : undefined;
    const leadership = {
      state,
      clock,
      logger,
      address,
      timings: this.#timings,
      token: this.#parts.token,
      controllerId: `${hostname()}/${process.pid}/${randomUUID().slice(0, 8)}`,
      isDeserted: async (record: LeaderRecord) =>
        wasHere(record, own) || (await isLoopbackDeserted(record.address)),
    };
    for (;;) {
      const lease = await acquireLeadership(leadership, signal);
      if (lease === undefined) return this.#meter[Symbol.dispose]();
      logger.info({ epoch: lease.epoch, address }, 'this controller leads');
      await this.#lead(lease, AbortSignal.any([signal, lease.lost]));
      await this.#resign(lease);
    }
  }

  async #lead(lease: Lease, signal: AbortSignal): Promise<void> {
    const { deployment, fleet } = this.#options;
    const beats = new HeartbeatBook(deployment.clock);
    const reconciler = new Reconciler({
      fleet,
      beats,
      lease,
      requests: this.#parts.requests,
      store: this.#meter.books(deployment.state),
      caps: capsOf(deployment),
      limits: limitsOf(deployment, this.#timings),
      concurrency: deployment.loaded.config.concurrency,
      timings: this.#timings,
      clock: deployment.clock,
      logger: deployment.logger,
    });
    this.#office = { lease, reconciler, beats };
    try {
      await Promise.all([
        this.#goRounds(reconciler, signal),
        this.#followGallery(signal),
        keepHouse(this.#parts.chores, { ...deployment, bell: this.#bell }, signal),
      ]);
    } finally {
      this.#office = undefined;
      this.#meter.resigned();
    }
  }

  /** Of those who have said lately how they are. */
  #beats(): Heartbeat[] {
    const noted = this.#office?.beats.recent(FRESH_BEATS * this.#timings.beatMs) ?? [];
    return noted.map(({ beat }) => beat);
  }

  async #goRounds(reconciler: Reconciler, signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options.deployment;
    const troubles = new TroubleLog(logger);
    while (!signal.aborted) {
      try {
        await reconciler.round();
        troubles.works('scaling');
      } catch (error) {
        troubles.fails('scaling', errorMessage(error));
      }
      await clock.sleep(LEAST_ROUND_MS, signal);
      await this.#wakeUp.pause(this.#timings.roundMs - LEAST_ROUND_MS, signal);
    }
  }

  async #followGallery(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options.deployment;
    const troubles = new TroubleLog(logger);
    while (!signal.aborted) {
      try {
        this.#galleryVersion = Math.max(this.#galleryVersion, await this.#gallery.refresh());
        troubles.works('reading the gallery version');
      } catch (error) {
        troubles.fails('reading the gallery version', errorMessage(error));
      }
      await clock.sleep(GALLERY_LOOK_MS, signal);
    }
  }

  async #resign(lease: Lease): Promise<void> {
    try {
      await lease[Symbol.asyncDispose]();
    } catch (error) {
      // The next leader waits for the lease to run out, or sees that nobody listens here.
      this.#options.deployment.logger.warn({ error: errorMessage(error) }, 'could not give the lease back');
    }
  }
}

function limitsOf({ loaded: { config } }: Deployment, { roundMs }: ScalingTimings): ScalingLimits {
  return {
    preset: config.scalingPreset,
    minInstances: config.minWorkers,
    maxInstances: config.maxWorkers,
    sloSeconds: config.sloSeconds,
    lookSeconds: roundMs / 1000,
    billingMinimumSeconds: config.billingMinimumSeconds,
    warmPool: config.warmPool,
    idleSeconds: config.idleSeconds,
    maxActionsPerRound: MAX_ACTIONS_PER_ROUND,
  };
}

function capsOf({ loaded: { config } }: Deployment): SpendingCaps {
  const cap = (instanceSeconds: number) => (instanceSeconds === 0 ? null : instanceSeconds);
  return { perHour: cap(config.maxInstanceSecondsPerHour), perDay: cap(config.maxInstanceSecondsPerDay) };
}

/**
 * Where this controller listens nobody else does any more: of the two, the one in the record has gone. Its machine must be this
 * one, since others have a 127.0.0.1 too. Without this a controller that starts again on its port would find itself there, take
 * that for the old one's life, and wait for a lease that nobody holds.
 */
function wasHere({ address, controllerId }: LeaderRecord, own: string | undefined): boolean {
  return address === own && controllerId.startsWith(`${hostname()}/`);
}

/** A refused connection on this machine is proof that the one who listened there is gone: a hung one still listens. */
function isLoopbackDeserted(address: string): Promise<boolean> {
  const { hostname: host, port } = new URL(address);
  if (host !== '127.0.0.1' && host !== '[::1]') return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = connect({ host: host.replaceAll(/[[\]]/g, ''), port: Number(port), timeout: 500 });
    const settle = (isDeserted: boolean) => {
      socket.destroy();
      resolve(isDeserted);
    };
    socket.once('connect', () => settle(false));
    socket.once('timeout', () => settle(false));
    socket.once('error', (error: NodeJS.ErrnoException) => settle(error.code === 'ECONNREFUSED'));
  });
}
