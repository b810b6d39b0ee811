import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { eventually } from '../../../../test/support/eventually.ts';
import { temporaryFolder } from '../../../../test/support/temporary-folder.ts';
import { errorCode } from '../../../errors.ts';
import { silentLogger } from '../../../logger.ts';
import type { Queue } from '../../../ports/queue.ts';
import { Releasers } from '../../../shutdown.ts';
import { type BrokerOptions, startBroker } from './broker.ts';
import { BrokerClient } from './broker-client.ts';
import { encodeFrames, FrameReader } from './framing.ts';
import type { Reply } from './protocol.ts';

const LONG = { max: 10, waitSeconds: 20, visibilityTimeoutSeconds: 600 };

/** A broker and a client of it, both in this process. */
class Pair implements AsyncDisposable {
  readonly dataDir: string;
  readonly socketPath: string;
  readonly client: BrokerClient;
  readonly queue: Queue;
  readonly #releasers: Releasers;

  private constructor(parts: {
    dataDir: string;
    socketPath: string;
    client: BrokerClient;
    queue: Queue;
    releasers: Releasers;
  }) {
    this.dataDir = parts.dataDir;
    this.socketPath = parts.socketPath;
    this.client = parts.client;
    this.queue = parts.queue;
    this.#releasers = parts.releasers;
  }

  static async start(options: Partial<BrokerOptions> = {}): Promise<Pair> {
    const releasers = new Releasers();
    const folder = releasers.use('folder', temporaryFolder());
    const dataDir = options.dataDir ?? folder.path;
    const { socketPath } = releasers.use(
      'broker',
      await startBroker({ logger: silentLogger, ...options, dataDir }),
    );
    const client = releasers.use('client', await BrokerClient.connect({ dataDir, logger: silentLogger }));
    const queue = await client.queues.ensure('q', { maxMessageBytes: 65_536 });
    return new Pair({ dataDir, socketPath, client, queue, releasers });
  }

  get databaseFile(): string {
    return join(this.dataDir, 'broker', 'queues.sqlite');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#releasers[Symbol.asyncDispose]();
  }
}

describe('the broker', { concurrency: 4 }, () => {
  test('a client that talks nonsense is cut off, and nobody else notices', async () => {
    await using pair = await Pair.start();
    const nonsense = [
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.from([0, 0, 0, 0]),
      Buffer.from([0xff, 0xff, 0xff, 0xff]),
      Buffer.from('\0\0\0\u0004nope'),
      ...encodeFrames(['{"op":"send"}']),
      ...encodeFrames(['null']),
    ];
    for (const bytes of nonsense) {
      const socket = createConnection(pair.socketPath);
      socket.resume().end(bytes);
      await once(socket, 'close');
    }
    const halfway = createConnection(pair.socketPath);
    halfway.write(Buffer.from([0, 0, 1, 0, 0x5b]));
    await pair.queue.send('still here');
    assert.equal((await pair.queue.receive(LONG))[0]?.body, 'still here');
    halfway.destroy();
  });

  test('a request with odd fields is refused, and the others of its frame are not', async () => {
    await using pair = await Pair.start();
    const odd = [
      { op: 'nothing' },
      { op: 'constructor' },
      { op: 'send', queue: 'q', bodies: ['x'], delayMs: 1.5 },
      { op: 'send', queue: 'q', bodies: ['x'], delayMs: -1 },
      { op: 'send', queue: 'q', bodies: [5], delayMs: 0 },
      { op: 'send', queue: 'q', bodies: ['x', 'a\u0000'], delayMs: 0 },
      { op: 'send', queue: 'q', bodies: Array.from({ length: 501 }, () => 'x'), delayMs: 0 },
      { op: 'receive', queue: 'q', max: 1e6, waitMs: 0, visibilityMs: 1000, token: 1, isRetry: false },
      { op: 'receive', queue: 'q', max: 1, waitMs: 1e12, visibilityMs: 1000, token: 1, isRetry: false },
      { op: 'delete', queue: 'q', receipts: ["1' OR 1=1"] },
      { op: 'ensure', queue: 'x', settings: { deadLetter: 5 } },
      { op: 'ensure', queue: 'x', settings: { tags: { a: 5 } } },
      { op: 'hello', protocol: 99 },
    ];
    const requests = odd.map((fields, index) => JSON.stringify({ id: index, ...fields }));
    const fine = JSON.stringify({ id: 99, op: 'depth', queue: 'q' });
    const replies = await talk(pair.socketPath, [...requests, fine]);
    const codes = odd.map((_, index) => codeOf(replies.get(index)));
    assert.deepEqual(codes, [...odd.slice(0, -1).map(() => 'bad-request'), 'conflict']);
    assert.deepEqual(replies.get(99), { id: 99, value: { visible: 0, inFlight: 0, delayed: 0 } });
  });

  test('a client of another version is told so', async () => {
    await using pair = await Pair.start();
    const replies = await talk(pair.socketPath, [JSON.stringify({ id: 1, op: 'hello', protocol: 2 })]);
    assert.equal(codeOf(replies.get(1)), 'conflict');
  });

  test('a receive of a client that went away takes no message with it', async () => {
    await using pair = await Pair.start();
    const request = {
      id: 1,
      op: 'receive',
      queue: 'q',
      max: 10,
      waitMs: 20_000,
      visibilityMs: 600_000,
      token: 1,
      isRetry: false,
    };
    const socket = createConnection(pair.socketPath);
    for (const frame of encodeFrames([JSON.stringify(request)])) socket.write(frame);
    const depthAsked = JSON.stringify({ id: 2, op: 'depth', queue: 'q' });
    await talk(pair.socketPath, [depthAsked]);
    socket.destroy();
    await pair.queue.send('not for the dead');
    assert.equal((await pair.queue.receive(LONG))[0]?.body, 'not for the dead');
  });

  test('what a client held when it closed is there for the next', async () => {
    await using pair = await Pair.start();
    await pair.queue.sendBatch(['done', 'not done']);
    const { dataDir } = pair;
    const other = await BrokerClient.connect({ dataDir, logger: silentLogger });
    const queue = other.queues.open('q');
    const held = await queue.receive(LONG);
    await queue.delete(held.find(({ body }) => body === 'done')?.receipt ?? '');
    await other.close();
    assert.deepEqual(
      (await pair.queue.receive(LONG)).map(({ body }) => body),
      ['not done'],
    );
  });

  test('locks exclude each other, within a process and between two', async () => {
    await using pair = await Pair.start();
    await using other = await BrokerClient.connect({ dataDir: pair.dataDir, logger: silentLogger });
    let inside = 0;
    const work = async () => {
      inside++;
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal(inside, 1);
      inside--;
    };
    const clients = [pair.client, other];
    await Promise.all(Array.from({ length: 20 }, (_, index) => clients[index % 2]?.withLock('one', work)));
    await assert.rejects(
      pair.client.withLock('one', () => Promise.reject(new Error('work failed'))),
      /work failed/,
    );
    assert.equal(await other.withLock('one', async () => 'free again'), 'free again');
  });

  test('when the disk is full senders are told, and once there is room it goes on', async () => {
    await using pair = await Pair.start({ maxDatabaseBytes: 512 * 1024 });
    const { queue } = pair;
    const sent: string[] = [];
    const fill = async () => {
      for (let index = 0; ; index++) {
        await queue.send(`${index} ${'x'.repeat(20_000)}`);
        sent.push(String(index));
      }
    };
    await assert.rejects(fill(), (error) => errorCode(error) === 'disk-full');
    const held = await queue.receive(LONG);
    await queue.deleteBatch(held.map(({ receipt }) => receipt));
    await queue.send('room again');
    assert.equal((await queue.depth()).visible, sent.length - held.length + 1);
  });

  test('an empty queue leaves a small file without a byte of what was in it', async () => {
    await using folder = temporaryFolder();
    const pair = await Pair.start({ dataDir: folder.path });
    const secret = 'a name that must not stay';
    await pair.queue.sendBatch(Array.from({ length: 500 }, (_, index) => `${index} ${secret.repeat(100)}`));
    for (let left = 500; left > 0; ) {
      const held = await pair.queue.receive(LONG);
      await pair.queue.deleteBatch(held.map(({ receipt }) => receipt));
      left -= held.length;
    }
    const size = (suffix: string) => statSync(`${pair.databaseFile}${suffix}`).size;
    await eventually('the log is empty and the file small', () => size('-wal') === 0 && size('') < 100_000);
    await pair[Symbol.asyncDispose]();
    assert.equal(readFileSync(pair.databaseFile).includes(secret), false);
  });

  test('a stale socket, or anything else in its place, is replaced', async () => {
    await using folder = temporaryFolder();
    await (await Pair.start({ dataDir: folder.path }))[Symbol.asyncDispose]();
    const leftovers = [
      (path: string) => writeFileSync(path, ''),
      (path: string) => symlinkSync(join(folder.path, 'missing'), path),
    ];
    for (const leave of leftovers) {
      leave(join(folder.path, 'broker', 'broker.sock'));
      await using pair = await Pair.start({ dataDir: folder.path });
      assert.equal(statSync(pair.socketPath).mode & 0o777, 0o600);
      await pair.queue.send('x');
    }
  });

  test('without a broker a client says where it looked', async () => {
    await using folder = temporaryFolder();
    const connecting = BrokerClient.connect({
      dataDir: folder.path,
      logger: silentLogger,
      waitSeconds: 0.05,
    });
    await assert.rejects(connecting, (error) => {
      assert.equal(errorCode(error), 'unavailable');
      return String(error).includes(folder.path);
    });
  });

  test('a client that closed rejects what it is asked', async () => {
    await using pair = await Pair.start();
    const waiting = assert.rejects(pair.queue.receive(LONG), { code: 'unavailable' });
    await pair.client.close();
    await waiting;
    await assert.rejects(pair.queue.send('x'), { code: 'unavailable' });
    await assert.rejects(
      pair.client.withLock('x', async () => undefined),
      { code: 'unavailable' },
    );
  });
});

/** Sends requests as they are, and waits for as many replies. */
async function talk(path: string, requests: readonly string[]): Promise<Map<number, Reply>> {
  const socket: Socket = createConnection(path);
  const reader = new FrameReader();
  const replies = new Map<number, Reply>();
  for (const frame of encodeFrames(requests)) socket.write(frame);
  for await (const chunk of socket) {
    for (const reply of reader.push(chunk as Buffer).flat() as Reply[]) replies.set(reply.id, reply);
    if (replies.size === requests.length) break;
  }
  return replies;
}

function codeOf(reply: Reply | undefined): string | undefined {
  return reply !== undefined && 'error' in reply ? reply.error.code : undefined;
}
