/**
 * One process of `bench/queue.ts`. Says `ready`, waits to be told to go, and sends its figures.
 *
 * `node queue-user.ts <role> <data folder> <count>`; the roles are the functions below.
 */
import { once } from 'node:events';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { BrokerClient } from '../src/adapters/local/broker/broker-client.ts';
import { silentLogger } from '../src/logger.ts';
import type { Queue } from '../src/ports/queue.ts';

/** Calls under way at once, as in a web tier with that many clients. */
const SENDERS = 32;
const RECEIVERS = 4;
const POLL_MS = 20;
const BODY = 'x'.repeat(300);

const [role = '', dataDir = '', countText = '0'] = process.argv.slice(2);
const count = Number(countText);

const ROLES: Readonly<Record<string, () => Promise<unknown>>> = {
  /** Sends, receives and deletes its count of messages through the broker. */
  traffic: () => withQueue(async (queue) => void (await Promise.all([sendAll(queue), receiveAll(queue)]))),
  /** The same by transactions of its own on a file that all processes share. */
  direct: () => withFile(async (database) => shareFile(database)),
  /** Milliseconds from each send to its arrival, waiting at the broker. */
  waiting: () => withQueue((queue) => arrivals(() => receiveOne(queue, 20))),
  /** The same, asking every 20 ms. */
  polling: () =>
    withQueue((queue) =>
      arrivals(async () => {
        for (;;) {
          const body = await receiveOne(queue, 0);
          if (body !== undefined) return body;
          await sleep(POLL_MS);
        }
      }),
    ),
};

const result = await ROLES[role]?.();
process.send?.({ result: result ?? null });
process.disconnect?.();

async function start(): Promise<void> {
  const told = once(process, 'message');
  process.send?.('ready');
  await told;
}

async function withQueue<T>(work: (queue: Queue) => Promise<T>): Promise<T> {
  await using client = await BrokerClient.connect({ dataDir, logger: silentLogger });
  const queue = await client.queues.ensure('bench');
  await start();
  return await work(queue);
}

async function sendAll(queue: Queue): Promise<void> {
  let left = count;
  const sender = async () => {
    while (left-- > 0) await queue.send(BODY);
  };
  await Promise.all(Array.from({ length: SENDERS }, sender));
}

async function receiveAll(queue: Queue): Promise<void> {
  let left = count;
  const receiver = async () => {
    while (left > 0) {
      const max = Math.min(10, left);
      left -= max;
      const got = await queue.receive({ max, waitSeconds: 20, visibilityTimeoutSeconds: 600 });
      left += max - got.length;
      await queue.deleteBatch(got.map(({ receipt }) => receipt));
    }
  };
  await Promise.all(Array.from({ length: RECEIVERS }, receiver));
}

async function receiveOne(queue: Queue, waitSeconds: number): Promise<string | undefined> {
  const [message] = await queue.receive({ max: 1, waitSeconds, visibilityTimeoutSeconds: 600 });
  if (message !== undefined) await queue.delete(message.receipt);
  return message?.body;
}

async function arrivals(next: () => Promise<string | undefined>): Promise<number[]> {
  const latencies: number[] = [];
  while (latencies.length < count) {
    const sentAt = await next();
    if (sentAt === undefined) continue;
    latencies.push(Number(process.hrtime.bigint() - BigInt(sentAt)) / 1e6);
    process.send?.('arrived');
  }
  return latencies;
}

async function withFile(work: (database: DatabaseSync) => Promise<void>): Promise<void> {
  using database = new DatabaseSync(join(dataDir, 'direct.sqlite'), { timeout: 60_000 });
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  database.exec('CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY, is_held INTEGER, body TEXT)');
  await start();
  await work(database);
}

/** Send, receive and delete are one transaction each, and wait for the disk each. */
async function shareFile(database: DatabaseSync): Promise<void> {
  const insert = database.prepare('INSERT INTO messages (is_held, body) VALUES (0, ?)');
  const take = database.prepare(
    'UPDATE messages SET is_held = 1 WHERE id = (SELECT min(id) FROM messages WHERE is_held = 0) RETURNING id',
  );
  const remove = database.prepare('DELETE FROM messages WHERE id = ?');
  for (let index = 0; index < count; index++) {
    insert.run(BODY);
    const taken = take.get();
    if (taken?.id !== undefined) remove.run(taken.id);
  }
}
