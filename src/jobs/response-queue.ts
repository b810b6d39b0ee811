import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';

import { errorCode, errorMessage } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { Queue, QueueService } from '../ports/queue.ts';
import { JOB_FORMAT_VERSION } from './job.ts';
import { responseLeaseKey, responseQueueName } from './keys.ts';
import { parseVersioned } from './stored-json.ts';

const RENEW_MS = 20_000;
/** A lease not renewed for this long may be taken. */
const LEASE_MS = 60_000;
/** A queue whose lease has been stale for this long is collected. */
const COLLECT_AFTER_MS = 3_600_000;
const LEASE_PREFIX = responseLeaseKey('').replace(/\.json$/, '');
/** Answers older than this have nobody waiting. */
const RETENTION_SECONDS = 3600;

interface Lease {
  readonly version: number;
  readonly queueName: string;
  readonly holder: string;
  readonly hostname: string;
  readonly pid: number;
  /** Milliseconds since the epoch; 0 once given back. */
  readonly renewedAt: number;
}

export interface ResponseQueueContext {
  readonly state: ObjectStore;
  readonly queues: QueueService;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly prefix: string;
}

/**
 * The queue that answers for one process come to, held under a lease in the state bucket.
 *
 * A web process has a stable name, so that the one that follows it finds the answers that were under way; the queue
 * outlives it (SQS refuses a deleted name for 60 s). Where the name is held by a live process, or none is given, the
 * queue has a name of its own and goes with its process. `collectStaleResponseQueues` removes what was left behind.
 */
export class ResponseQueue implements AsyncDisposable {
  readonly queue: Queue;
  readonly #context: ResponseQueueContext;
  readonly #lease: Omit<Lease, 'renewedAt'>;
  readonly #isStable: boolean;
  readonly #stop = new AbortController();
  readonly #renewing: Promise<void>;
  #etag: string;

  private constructor(
    context: ResponseQueueContext,
    held: { lease: Omit<Lease, 'renewedAt'>; etag: string; isStable: boolean; queue: Queue },
  ) {
    this.#context = context;
    this.#lease = held.lease;
    this.#etag = held.etag;
    this.#isStable = held.isStable;
    this.queue = held.queue;
    this.#renewing = this.#keepRenewing();
  }

  /** Opens the queue of this web id or, without one, a temporary one. */
  static async open(context: ResponseQueueContext, webId?: string): Promise<ResponseQueue> {
    const stable = webId === undefined ? undefined : await acquire(context, webId);
    if (webId !== undefined && stable === undefined) {
      context.logger.warn(
        { webId },
        'a live web process has this FACEFLEET_WEB_ID; taking a temporary response queue. Give each its own id',
      );
    }
    const held = stable ?? (await acquire(context, `${webId ?? 'cli'}-${randomUUID().slice(0, 8)}`));
    if (held === undefined) throw new Error('a response queue with a random name was held already');
    const queue = await ensureQueue(context, held.lease.queueName);
    return new ResponseQueue(context, { ...held, queue, isStable: stable !== undefined });
  }

  /** Makes the queue again after somebody removed it. */
  async restore(): Promise<void> {
    await ensureQueue(this.#context, this.queue.name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#renewing;
    try {
      await this.#giveBack();
    } catch (error) {
      // Nothing is lost: a stale lease may be taken after a minute and is collected after an hour.
      this.#context.logger.warn(
        { queue: this.queue.name, error: errorMessage(error) },
        'cannot give the response queue back',
      );
    }
  }

  async #giveBack(): Promise<void> {
    if (this.#isStable) {
      await this.#write(0);
      return;
    }
    await this.#context.queues.remove(this.queue.name);
    await this.#context.state.delete(responseLeaseKey(this.queue.name));
  }

  async #keepRenewing(): Promise<void> {
    const { clock, logger } = this.#context;
    while (!this.#stop.signal.aborted) {
      await clock.sleep(RENEW_MS, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      try {
        if (await this.#write(clock.now())) continue;
        logger.error(
          { queue: this.queue.name },
          'another process took this response queue; answers may come seconds late. Give each its own FACEFLEET_WEB_ID',
        );
        return;
      } catch (error) {
        logger.warn({ queue: this.queue.name, error: errorMessage(error) }, 'cannot renew the lease');
      }
    }
  }

  /** Says whether the lease was still ours. */
  async #write(renewedAt: number): Promise<boolean> {
    const etag = await putLease(this.#context.state, { ...this.#lease, renewedAt }, { ifMatch: this.#etag });
    if (etag === undefined) return false;
    this.#etag = etag;
    return true;
  }
}

/** Removes the queues whose processes have been gone for an hour; resolves to their names. */
export async function collectStaleResponseQueues({
  state,
  queues,
  clock,
}: Pick<ResponseQueueContext, 'state' | 'queues' | 'clock'>): Promise<string[]> {
  const collected: string[] = [];
  for await (const { key, lastModified } of state.list({ prefix: LEASE_PREFIX })) {
    if (clock.now() - lastModified.getTime() < COLLECT_AFTER_MS) continue;
    const current = await readLease(state, key);
    if (current === undefined) continue;
    // Holding the lease meanwhile keeps a process that starts now from taking the queue that is about to go.
    const lease = { ...newLease(current.lease.queueName), renewedAt: clock.now() };
    if ((await putLease(state, lease, { ifMatch: current.etag })) === undefined) continue;
    await queues.remove(lease.queueName);
    await state.delete(key);
    collected.push(lease.queueName);
  }
  return collected;
}

async function acquire(
  { state, clock, prefix }: ResponseQueueContext,
  webId: string,
): Promise<{ lease: Omit<Lease, 'renewedAt'>; etag: string } | undefined> {
  const lease = newLease(responseQueueName(prefix, webId));
  const current = await readLease(state, responseLeaseKey(lease.queueName));
  if (current !== undefined && isHeld(current.lease, clock.now())) return undefined;
  const condition = current === undefined ? { ifNoneMatch: '*' as const } : { ifMatch: current.etag };
  const etag = await putLease(state, { ...lease, renewedAt: clock.now() }, condition);
  return etag === undefined ? undefined : { lease, etag };
}

function newLease(queueName: string): Omit<Lease, 'renewedAt'> {
  const holder = randomUUID();
  return { version: JOB_FORMAT_VERSION, queueName, holder, hostname: hostname(), pid: process.pid };
}

/** A killed process of this machine needs no waiting for. */
function isHeld(lease: Lease, now: number): boolean {
  if (now - lease.renewedAt > LEASE_MS) return false;
  return lease.hostname !== hostname() || isAlive(lease.pid);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function readLease(
  state: ObjectStore,
  key: string,
): Promise<{ lease: Lease; etag: string } | undefined> {
  const stored = await state.get(key);
  if (stored === undefined) return undefined;
  const fields = { queueName: 'string', hostname: 'string', pid: 'number', renewedAt: 'number' } as const;
  const text = (await stored.bytes()).toString('utf8');
  const lease = parseVersioned(text, 'response queue lease', fields, { key }) as unknown as Lease;
  return { lease, etag: stored.info.etag };
}

async function putLease(
  state: ObjectStore,
  lease: Lease,
  condition: { ifNoneMatch: '*' } | { ifMatch: string },
): Promise<string | undefined> {
  try {
    const body = Buffer.from(JSON.stringify(lease));
    const options = { ...condition, contentType: 'application/json' };
    return (await state.put(responseLeaseKey(lease.queueName), body, options)).etag;
  } catch (error) {
    if (errorCode(error) === 'precondition-failed') return undefined;
    throw error;
  }
}

/** The tags are for people who wonder what the queue is. */
function ensureQueue({ queues, prefix }: ResponseQueueContext, name: string): Promise<Queue> {
  const tags = { 'facefleet:prefix': prefix, 'facefleet:role': 'responses' };
  return queues.ensure(name, { retentionSeconds: RETENTION_SECONDS, hintsOnly: true, tags });
}
