import assert from 'node:assert/strict';
import { test } from 'node:test';
import { temporaryFolder } from '../../../../test/support/temporary-folder.ts';
import { Releasers } from '../../../shutdown.ts';
import { BrokerClock } from './broker-clock.ts';
import { BrokerDatabase } from './database.ts';
import { QueueEngine } from './queue-engine.ts';

/** An engine whose clock stands still but for what the test skips. */
class Bench implements AsyncDisposable {
  readonly #releasers = new Releasers();
  readonly database: BrokerDatabase;
  readonly clock: BrokerClock;
  readonly engine: QueueEngine;
  skippedMs = 0;

  private constructor(database: BrokerDatabase) {
    this.database = database;
    this.clock = new BrokerClock(database);
    const startedAt = this.clock.now();
    this.clock.now = () => startedAt + this.skippedMs;
    this.engine = new QueueEngine(database, this.clock);
  }

  static async start(): Promise<Bench> {
    const folder = temporaryFolder();
    const database = await BrokerDatabase.open({ folder: folder.path, waitSeconds: 0, maxBytes: 1024 ** 3 });
    const bench = new Bench(database);
    bench.#releasers.use('folder', folder);
    bench.#releasers.push('database', () => database[Symbol.dispose]());
    return bench;
  }

  send(queue: string, ...bodies: string[]): void {
    this.engine.send({ id: 1, op: 'send', queue, bodies, delayMs: 0 });
  }

  receive(queue: string, { token = 1, isRetry = false, max = 10, visibilityMs = 30_000 } = {}) {
    return this.engine.receive({ id: 1, op: 'receive', queue, max, waitMs: 0, visibilityMs, token, isRetry });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#releasers[Symbol.asyncDispose]();
  }
}

test('a receive that is repeated gets what was handed out under its token, and nobody else does', async () => {
  await using bench = await Bench.start();
  bench.engine.ensure('q', {});
  bench.send('q', 'a', 'b', 'c');
  const receiveTwo = (isRetry: boolean) =>
    bench
      .receive('q', { token: 7, max: 2, isRetry })
      .map(({ body, receipt, receiveCount }) => ({ body, receipt, receiveCount }));
  const first = receiveTwo(false);
  assert.deepEqual(receiveTwo(true), first);
  assert.deepEqual(
    bench.receive('q', { token: 8, isRetry: true }).map(({ body }) => body),
    ['c'],
  );
  bench.skippedMs = 31_000;
  const again = bench.receive('q', { token: 7, isRetry: true });
  assert.deepEqual(
    again.map(({ receiveCount }) => receiveCount),
    [2, 2, 2],
  );
});

test('messages come in the order they were sent, those given back by their time', async () => {
  await using bench = await Bench.start();
  bench.engine.ensure('q', {});
  bench.send('q', 'a', 'b');
  bench.skippedMs = 10;
  bench.send('q', 'c');
  const [a] = bench.receive('q', { max: 1 });
  bench.skippedMs = 20;
  bench.engine.release({ queue: 'q', receipt: a?.receipt ?? '', delayMs: 0 });
  assert.deepEqual(
    bench.receive('q').map(({ body }) => body),
    ['b', 'c', 'a'],
  );
});

test('messages are kept as long as their queue says, unless somebody holds them', async () => {
  await using bench = await Bench.start();
  bench.engine.ensure('short', { retentionSeconds: 60 });
  bench.engine.ensure('long', { retentionSeconds: 3600 });
  bench.send('short', 'held', 'old', 'older');
  bench.send('long', 'kept');
  bench.receive('short', { max: 1, visibilityMs: 120_000 });
  bench.skippedMs = 61_000;
  bench.send('short', 'young');
  assert.equal(bench.engine.sweep(1), true);
  assert.equal(bench.engine.sweep(10), false);
  assert.deepEqual(
    bench.receive('short').map(({ body }) => body),
    ['young'],
  );
  assert.equal(bench.engine.depth('long').visible, 1);
  assert.equal(bench.engine.depth('short').inFlight, 2);
});

test('counts and settings are the same after they are read again', async () => {
  await using bench = await Bench.start();
  bench.engine.ensure('dead', {});
  bench.engine.ensure('q', {
    maxMessageBytes: 2048,
    deadLetter: { queue: 'dead', maxReceives: 1 },
    tags: { a: 'b' },
  });
  bench.send('q', 'a', 'b', 'c');
  const [a, b] = bench.receive('q', { max: 2 });
  bench.engine.delete('q', [a?.receipt ?? '']);
  bench.engine.release({ queue: 'q', receipt: b?.receipt ?? '', delayMs: 0 });
  bench.receive('q', { max: 1 });
  const see = () => [bench.engine.list(''), bench.engine.depth('q'), bench.engine.depth('dead')];
  const before = see();
  bench.engine.reload();
  assert.deepEqual(see(), before);
});

test('the messages of a removed queue go bit by bit, and its name is free at once', async () => {
  await using bench = await Bench.start();
  bench.engine.ensure('q', {});
  bench.send('q', 'a', 'b', 'c');
  bench.engine.remove('q');
  assert.equal(bench.engine.nextVisibleAt('q'), undefined);
  bench.engine.ensure('q', {});
  bench.send('q', 'new');
  const bodies = () =>
    bench.database
      .prepare('SELECT body FROM messages')
      .all()
      .map(({ body }) => body);
  assert.equal(bodies().length, 4);
  assert.equal(bench.engine.sweep(2), true);
  assert.equal(bench.engine.sweep(2), false);
  assert.deepEqual(bodies(), ['new']);
  assert.equal(bench.database.prepare('SELECT COUNT(*) AS n FROM queues').get()?.n, 1);
});

test('the clock goes on from where it was, and never back', async () => {
  await using bench = await Bench.start();
  const save = bench.database.prepare('INSERT OR REPLACE INTO clock VALUES (1, ?, ?)');
  const hour = 3_600_000;
  save.run(1_000_000, Date.now() - hour);
  const after = new BrokerClock(bench.database).now();
  assert.ok(after >= 1_000_000 + hour && after < 1_000_000 + 2 * hour, 'an hour has passed meanwhile');
  save.run(1_000_000, Date.now() + hour);
  const afterJumpBack = new BrokerClock(bench.database).now();
  assert.ok(afterJumpBack >= 1_000_000 && afterJumpBack < 1_000_000 + hour, 'the clock was set back');
});
