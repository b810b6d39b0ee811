import type { StatementSync } from 'node:sqlite';
import { FacefleetError, NotFoundError } from '../../../errors.ts';
import type { QueueDepth, QueueSettings } from '../../../ports/queue.ts';
import {
  type CompleteQueueSettings,
  checkBody,
  checkDelay,
  checkQueueName,
  checkReceive,
  checkVisibility,
  completeSettings,
} from '../../queue-limits.ts';
import type { BrokerClock } from './broker-clock.ts';
import type { BrokerDatabase } from './database.ts';
import type { DeliveredMessage, QueueRequest, RequestOf } from './protocol.ts';

interface QueueRow extends CompleteQueueSettings {
  readonly id: number;
  readonly name: string;
}

interface MessageRow {
  readonly id: number;
  readonly body: string;
  readonly sent_at: number;
  readonly receive_count: number;
}

/**
 * The queues in their tables: what one call does, synchronously, inside a transaction that the caller opened.
 *
 * A call checks everything before it writes, so that a refused one leaves nothing behind in the transaction it shares
 * with others.
 */
export class QueueEngine {
  readonly #database: BrokerDatabase;
  readonly #clock: BrokerClock;
  readonly #sql: ReturnType<typeof prepareStatements>;
  readonly #queues = new Map<string, QueueRow>();
  /** Messages of each queue by its id, so that nobody counts a million rows four times a second. */
  readonly #totals = new Map<number, number>();
  /** Queues that may have got a visible message, or are gone, since somebody last looked. */
  readonly changed = new Set<string>();

  constructor(database: BrokerDatabase, clock: BrokerClock) {
    this.#database = database;
    this.#clock = clock;
    this.#sql = prepareStatements(database);
    this.reload();
  }

  /** Forgets what is kept in memory and reads it again: after a rollback. */
  reload(): void {
    this.#queues.clear();
    this.#totals.clear();
    for (const row of this.#sql.queues.all()) {
      const queue = queueFromRow(row);
      this.#queues.set(queue.name, queue);
      this.#totals.set(queue.id, Number(this.#sql.count.get(queue.id)?.total));
    }
  }

  ensure(name: string, settings: QueueSettings): void {
    checkQueueName(name);
    const complete = completeSettings(settings);
    if (complete.deadLetter !== null) this.#queue(complete.deadLetter.queue);
    const { maxMessageBytes, deadLetter, retentionSeconds, tags } = complete;
    const row = this.#sql.upsertQueue.get(
      name,
      maxMessageBytes,
      deadLetter?.queue ?? null,
      deadLetter?.maxReceives ?? null,
      retentionSeconds,
      JSON.stringify(tags),
      Number(complete.hintsOnly),
    );
    const id = Number(row?.id);
    this.#queues.set(name, { ...complete, id, name });
    if (!this.#totals.has(id)) this.#totals.set(id, 0);
  }

  remove(name: string): void {
    const queue = this.#queues.get(name);
    if (queue === undefined) return;
    // A million messages take seconds to delete, and everybody would wait for it: `sweep` does it.
    this.#sql.unnameQueue.run(queue.id);
    this.#queues.delete(name);
    this.#totals.delete(queue.id);
    this.changed.add(name);
  }

  /** Whether a power cut must not undo it. What becomes of a delivery may be undone: then the message comes again. */
  mustLast(request: QueueRequest): boolean {
    if (request.op === 'send') return this.#queues.get(request.queue)?.hintsOnly !== true;
    return request.op === 'ensure' || request.op === 'remove';
  }

  list(prefix: string): { name: string; tags: Readonly<Record<string, string>> }[] {
    return [...this.#queues.values()]
      .filter(({ name }) => name.startsWith(prefix))
      .map(({ name, tags }) => ({ name, tags }))
      .sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  send({ queue: name, bodies, delayMs }: RequestOf<'send'>): void {
    const queue = this.#queue(name);
    checkDelay(delayMs / 1000);
    this.#database.assertRoom();
    for (const body of bodies) checkBody(body, { queue: name, maxMessageBytes: queue.maxMessageBytes });
    const now = this.#clock.now();
    for (const body of bodies) this.#sql.insert.run(queue.id, now + delayMs, now, body);
    this.#grow(queue.id, bodies.length);
    this.changed.add(name);
  }

  /** What is visible now, at most `max`, hidden from then on; [] when there is nothing. */
  receive(request: RequestOf<'receive'>): DeliveredMessage[] {
    const queue = this.#queue(request.queue);
    checkReceive({
      max: request.max,
      waitSeconds: request.waitMs / 1000,
      visibilityTimeoutSeconds: request.visibilityMs / 1000,
    });
    const now = this.#clock.now();
    const until = now + request.visibilityMs;
    const handedOut = request.isRetry ? this.#sql.handedOut.all(queue.id, now, request.token) : [];
    if (handedOut.length > 0) return this.#deliver(handedOut, request.token);
    const rows = this.#living(queue, now, request.max);
    for (const row of rows) this.#sql.take.run(until, request.token, row.id as number);
    return this.#deliver(rows, request.token, 1);
  }

  delete(name: string, receipts: readonly string[]): void {
    const queue = this.#queue(name);
    for (const receipt of receipts) {
      const { id, token } = parseReceipt(receipt);
      const { changes } = this.#sql.delete.run(id, queue.id, token);
      this.#grow(queue.id, -Number(changes));
    }
  }

  extend({ queue: name, receipt, visibilityMs }: RequestOf<'extend'>): void {
    const queue = this.#queue(name);
    checkVisibility(visibilityMs / 1000, 1);
    const { id, token } = parseReceipt(receipt);
    this.#sql.extend.run(this.#clock.now() + visibilityMs, id, queue.id, token);
  }

  release({ queue: name, receipt, delayMs }: Omit<RequestOf<'release'>, 'id' | 'op'>): void {
    const queue = this.#queue(name);
    checkVisibility(delayMs / 1000, 0);
    const { id, token } = parseReceipt(receipt);
    this.#sql.release.run(this.#clock.now() + delayMs, id, queue.id, token);
    this.changed.add(name);
  }

  depth(name: string): QueueDepth {
    const queue = this.#queue(name);
    const now = this.#clock.now();
    const hidden = this.#sql.hidden.get(queue.id, now);
    const inFlight = Number(hidden?.in_flight);
    const delayed = Number(hidden?.hidden) - inFlight;
    const visible = (this.#totals.get(queue.id) ?? 0) - inFlight - delayed;
    const head = this.#sql.visible.get(queue.id, now, 1);
    const depth = { visible, inFlight, delayed };
    return head === undefined
      ? depth
      : { ...depth, oldestAgeSeconds: Math.max(0, now - Number(head.sent_at)) / 1000 };
  }

  /** When the next message of the queue becomes visible, or did; undefined when it has none or is gone. */
  nextVisibleAt(name: string): number | undefined {
    const queue = this.#queues.get(name);
    const row = queue && this.#sql.head.get(queue.id);
    return row === undefined ? undefined : Number(row.visible_at);
  }

  /**
   * Deletes messages that are older than their queue keeps them, and those of removed queues, at most `limit` of each
   * queue; true while there may be more.
   */
  sweep(limit: number): boolean {
    let hasMore = false;
    for (const queue of this.#queues.values()) {
      const before = this.#clock.now() - queue.retentionSeconds * 1000;
      const { changes } = this.#sql.expire.run(queue.id, before, before, limit);
      this.#grow(queue.id, -Number(changes));
      hasMore ||= Number(changes) === limit;
    }
    for (const row of this.#sql.removedQueues.all()) {
      const id = Number(row.id);
      const { changes } = this.#sql.deleteSome.run(id, limit);
      if (Number(changes) < limit) this.#sql.deleteQueue.run(id);
      else hasMore = true;
    }
    return hasMore;
  }

  #deliver(rows: Record<string, unknown>[], token: number, addedReceives = 0): DeliveredMessage[] {
    return (rows as unknown as MessageRow[]).map((row) => ({
      id: String(row.id),
      body: row.body,
      receipt: `${row.id}.${token}`,
      receiveCount: row.receive_count + addedReceives,
      sentAt: this.#clock.toWall(row.sent_at),
    }));
  }

  /** The visible head of the queue, after what was received too often has gone; if its target is missing it stays. */
  #living(queue: QueueRow, now: number, max: number): Record<string, unknown>[] {
    const { deadLetter } = queue;
    const target = deadLetter && this.#queues.get(deadLetter.queue);
    for (;;) {
      const rows = this.#sql.visible.all(queue.id, now, max);
      if (!deadLetter || !target) return rows;
      const dead = rows.filter((row) => Number(row.receive_count) >= deadLetter.maxReceives);
      if (dead.length === 0) return rows;
      for (const row of dead) this.#sql.moveTo.run(target.id, now, row.id as number);
      this.#grow(queue.id, -dead.length);
      this.#grow(target.id, dead.length);
      this.changed.add(target.name);
    }
  }

  #grow(queueId: number, by: number): void {
    this.#totals.set(queueId, (this.#totals.get(queueId) ?? 0) + by);
  }

  #queue(name: string): QueueRow {
    const queue = this.#queues.get(name);
    if (queue === undefined) throw new NotFoundError(`there is no queue ${JSON.stringify(name)}`);
    return queue;
  }
}

function parseReceipt(receipt: string): { id: number; token: number } {
  const [, id, token] = /^(\d{1,15})\.(\d{1,15})$/.exec(receipt) ?? [];
  if (id === undefined || token === undefined) {
    throw new FacefleetError('bad-request', `${JSON.stringify(receipt)} is no receipt of this queue`);
  }
  return { id: Number(id), token: Number(token) };
}

function queueFromRow(row: Readonly<Record<string, unknown>>): QueueRow {
  const deadLetterQueue = row.dead_letter_queue;
  return {
    id: Number(row.id),
    name: String(row.name),
    maxMessageBytes: Number(row.max_message_bytes),
    deadLetter:
      typeof deadLetterQueue === 'string'
        ? { queue: deadLetterQueue, maxReceives: Number(row.max_receives) }
        : null,
    retentionSeconds: Number(row.retention_seconds),
    tags: JSON.parse(String(row.tags)) as Record<string, string>,
    hintsOnly: row.hints_only === 1,
  };
}

function prepareStatements(database: BrokerDatabase) {
  const statements = {
    queues: 'SELECT * FROM queues WHERE name IS NOT NULL',
    removedQueues: 'SELECT id FROM queues WHERE name IS NULL',
    count: 'SELECT COUNT(*) AS total FROM messages WHERE queue_id = ?',
    upsertQueue: `INSERT INTO queues (name, max_message_bytes, dead_letter_queue, max_receives, retention_seconds, tags, hints_only)
      VALUES (?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (name) DO UPDATE SET max_message_bytes = excluded.max_message_bytes,
        dead_letter_queue = excluded.dead_letter_queue, max_receives = excluded.max_receives,
        retention_seconds = excluded.retention_seconds, tags = excluded.tags, hints_only = excluded.hints_only
      RETURNING id`,
    deleteQueue: 'DELETE FROM queues WHERE id = ?',
    unnameQueue: 'UPDATE queues SET name = NULL WHERE id = ?',
    deleteSome: 'DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE queue_id = ? LIMIT ?)',
    insert:
      'INSERT INTO messages (queue_id, visible_at, sent_at, receive_count, body) VALUES (?, ?, ?, 0, ?)',
    head: 'SELECT visible_at FROM messages WHERE queue_id = ? ORDER BY visible_at LIMIT 1',
    visible: `SELECT id, body, sent_at, receive_count FROM messages
      WHERE queue_id = ? AND visible_at <= ? ORDER BY visible_at LIMIT ?`,
    handedOut: `SELECT id, body, sent_at, receive_count FROM messages
      WHERE queue_id = ? AND visible_at > ? AND token = ?`,
    take: 'UPDATE messages SET visible_at = ?, token = ?, receive_count = receive_count + 1 WHERE id = ?',
    delete: 'DELETE FROM messages WHERE id = ? AND queue_id = ? AND token = ?',
    extend: 'UPDATE messages SET visible_at = ? WHERE id = ? AND queue_id = ? AND token = ?',
    release: 'UPDATE messages SET visible_at = ?, token = NULL WHERE id = ? AND queue_id = ? AND token = ?',
    moveTo: 'UPDATE messages SET queue_id = ?, visible_at = ?, token = NULL, receive_count = 0 WHERE id = ?',
    hidden: `SELECT COUNT(*) AS hidden, COUNT(token) AS in_flight FROM messages
      WHERE queue_id = ? AND visible_at > ?`,
    // Nothing that was sent before the limit can become visible before it, so the index finds the candidates; what
    // is in flight or was released lately is found when it is visible again.
    expire: `DELETE FROM messages WHERE id IN (SELECT id FROM messages
      WHERE queue_id = ? AND visible_at < ? AND sent_at < ? LIMIT ?)`,
  } as const;
  const prepared: Record<string, StatementSync> = {};
  for (const [name, sql] of Object.entries(statements)) prepared[name] = database.prepare(sql);
  return prepared as { readonly [Name in keyof typeof statements]: StatementSync };
}
