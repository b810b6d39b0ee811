import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startBroker } from '../../src/adapters/local/broker/broker.ts';
import { BrokerClient } from '../../src/adapters/local/broker/broker-client.ts';
import { errorCode } from '../../src/errors.ts';
import { silentLogger } from '../../src/logger.ts';
import type { Queue } from '../../src/ports/queue.ts';
import { Releasers } from '../../src/shutdown.ts';
import { ChildScript } from '../support/child-script.ts';
import { eventually } from '../support/eventually.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const LONG = { max: 10, waitSeconds: 20, visibilityTimeoutSeconds: 600 };

/** A data folder with a broker in a process of its own, and a client here. */
class Deployment implements AsyncDisposable {
  readonly dataDir: string;
  readonly client: BrokerClient;
  readonly #releasers: Releasers;
  #broker: ChildScript;

  private constructor(releasers: Releasers, dataDir: string, broker: ChildScript, client: BrokerClient) {
    this.#releasers = releasers;
    this.dataDir = dataDir;
    this.#broker = broker;
    this.client = client;
  }

  static async start(): Promise<Deployment> {
    const releasers = new Releasers();
    const dataDir = releasers.use('folder', temporaryFolder()).path;
    const broker = await ChildScript.start('broker-script.ts', dataDir);
    const client = await BrokerClient.connect({ dataDir, logger: silentLogger });
    const deployment = new Deployment(releasers, dataDir, broker, client);
    releasers.push('broker', () => deployment.#broker[Symbol.asyncDispose]());
    releasers.use('client', client);
    return deployment;
  }

  killBroker(): Promise<void> {
    return this.#broker.kill();
  }

  /** The next one stands by already, so that a busy machine doesn't make the pause long. */
  async replaceBroker(meanwhile: () => Promise<void> = async () => undefined): Promise<void> {
    const successor = await ChildScript.startUntil('waiting', 'broker-script.ts', this.dataDir);
    await this.#broker.kill();
    this.#broker = successor;
    await meanwhile();
    await successor.says('ready');
  }

  user(what: 'hold-messages' | 'hold-lock'): Promise<ChildScript> {
    return ChildScript.start('broker-user-script.ts', this.dataDir, what);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#releasers[Symbol.asyncDispose]();
  }
}

describe('the broker and its processes', { concurrency: 4 }, () => {
  test('a broker killed under load loses no acknowledged send', async () => {
    await using deployment = await Deployment.start();
    const queue = await deployment.client.queues.ensure('load');
    const acknowledged = new Set<string>();
    let isOver = false;
    const senders = Array.from({ length: 20 }, async (_, sender) => {
      for (let index = 0; !isOver; index++) {
        const body = `${sender}/${index}`;
        // The client notices by itself when the broker goes, and sends again what was not acknowledged.
        await queue.send(body);
        acknowledged.add(body);
      }
    });
    const until = (count: number) => eventually(`${count} sends`, () => acknowledged.size >= count);
    await until(200);
    await deployment.replaceBroker();
    await until(acknowledged.size + 200);
    await deployment.replaceBroker();
    await until(acknowledged.size + 200);
    isOver = true;
    await Promise.all(senders);
    const found = new Set(await drain(queue));
    assert.deepEqual(
      [...acknowledged].filter((body) => !found.has(body)),
      [],
    );
  });

  test('receives that wait, sends and locks outlast a broker that is killed and comes back', async () => {
    await using deployment = await Deployment.start();
    const { client } = deployment;
    const queue = await client.queues.ensure('patient');
    const waiting = queue.receive({ ...LONG, max: 1 });
    await queue.depth();
    let locking: Promise<string> | undefined;
    await deployment.replaceBroker(async () => {
      locking = client.withLock('mine', async () => 'had it');
      await queue.send('after all');
    });
    assert.equal((await waiting)[0]?.body, 'after all');
    assert.equal(await locking, 'had it');
    assert.equal(client.lost.aborted, false);
  });

  test('a receive that is aborted while the broker is gone ends with nothing', async () => {
    await using deployment = await Deployment.start();
    const queue = await deployment.client.queues.ensure('gone');
    const stop = new AbortController();
    const waiting = queue.receive({ ...LONG, signal: stop.signal });
    await queue.depth();
    await deployment.killBroker();
    stop.abort();
    assert.deepEqual(await waiting, []);
  });

  test('what a killed reader held comes back at once', async () => {
    await using deployment = await Deployment.start();
    const queue = await deployment.client.queues.ensure('work');
    await queue.sendBatch(['a', 'b', 'c']);
    const reader = await deployment.user('hold-messages');
    assert.equal((await queue.depth()).inFlight, 3);
    await reader.kill();
    const bodies: string[] = [];
    while (bodies.length < 3) bodies.push(...(await queue.receive(LONG)).map(({ body }) => body));
    assert.deepEqual(bodies.sort(), ['a', 'b', 'c']);
  });

  test('the lock of a killed holder goes to the next in line', async () => {
    await using deployment = await Deployment.start();
    const holder = await deployment.user('hold-lock');
    const { client } = deployment;
    await assert.rejects(
      client.withLock('mine', async () => 'too soon', { timeoutSeconds: 0.05 }),
      (error) => errorCode(error) === 'timeout',
    );
    const next = client.withLock('mine', async () => 'my turn');
    assert.equal(await client.withLock('other', async () => 'free'), 'free');
    await holder.kill();
    assert.equal(await next, 'my turn');
  });

  test('who holds a lock when the broker dies finishes before the next one starts', async () => {
    await using deployment = await Deployment.start();
    const { client, dataDir } = deployment;
    await using other = await BrokerClient.connect({ dataDir, logger: silentLogger });
    const events: string[] = [];
    const work = Promise.withResolvers<void>();
    const began = Promise.withResolvers<void>();
    const holding = client.withLock('mine', async () => {
      began.resolve();
      await work.promise;
      events.push('holder ended');
    });
    await began.promise;
    await deployment.replaceBroker();
    const next = other.withLock('mine', async () => events.push('next began'));
    // Both are connected again, and free locks are given out, when this is through.
    await other.withLock('free', async () => events.push('free lock'));
    work.resolve();
    await Promise.all([holding, next]);
    assert.deepEqual(events, ['free lock', 'holder ended', 'next began']);
  });

  test('the data folder has one broker; another is told, or waits until the first is gone', async () => {
    await using deployment = await Deployment.start();
    const { dataDir } = deployment;
    await deployment.client.queues.ensure('kept');
    await assert.rejects(startBroker({ dataDir, logger: silentLogger }), (error) => {
      assert.equal(errorCode(error), 'data-folder-in-use');
      return String(error).includes(dataDir);
    });
    const successor = startBroker({ dataDir, logger: silentLogger, waitSeconds: 20 });
    await deployment.killBroker();
    await using _broker = await successor;
    assert.deepEqual(await deployment.client.queues.list(''), [{ name: 'kept', tags: {} }]);
  });

  test('a broker that stays away is lost, and every call rejects', async () => {
    await using deployment = await Deployment.start();
    const { client } = deployment;
    const queue = await client.queues.ensure('lost');
    const waiting = queue.receive(LONG);
    await queue.depth();
    await deployment.killBroker();
    await assert.rejects(waiting, (error) => errorCode(error) === 'unavailable');
    assert.ok(client.lost.aborted);
    await assert.rejects(queue.send('x'), (error) => errorCode(error) === 'unavailable');
  });
});

/** Every body that is visible now. */
async function drain(queue: Queue): Promise<string[]> {
  const bodies: string[] = [];
  for (;;) {
    const got = await queue.receive({ ...LONG, waitSeconds: 0 });
    if (got.length === 0) return bodies;
    bodies.push(...got.map(({ body }) => body));
  }
}
