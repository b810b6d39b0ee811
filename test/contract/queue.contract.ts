import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { errorCode } from '../../src/errors.ts';
import type { Queue, QueueMessage, QueueService, QueueSettings } from '../../src/ports/queue.ts';
import { queueBehavesLikeItsModel } from './queue.properties.ts';

export interface QueueSubject extends AsyncDisposable {
  readonly queues: QueueService;
  /** False: an emulator behind it takes characters beyond U+FFFF, which SQS carries, for invalid. */
  readonly carriesAstral?: boolean;
  /** False: an emulator behind it lets an old receipt change who gets the message. */
  readonly forgetsReceipts?: boolean;
}

/** Long enough that nothing comes back during a test that is not about coming back. */
const LONG_SECONDS = 600;
/** The shortest timeout that every adapter knows. */
const SHORT_SECONDS = 1;
/** Long enough that a check made at once comes before it, even on a busy machine. */
const DELAY_SECONDS = 2;

/** The promises of the queue port. Every adapter's test calls this with a way to make its service. */
export function queueContract(name: string, makeSubject: () => Promise<QueueSubject>): void {
  describe(`queue contract: ${name}`, { concurrency: 12 }, () => {
    let subject: QueueSubject;
    before(async () => {
      subject = await makeSubject();
    });
    after(() => subject[Symbol.asyncDispose]());

    const freshQueue = (settings?: QueueSettings) =>
      subject.queues.ensure(`contract-${randomUUID()}`, settings);

    describe('sending and receiving', { concurrency: 12 }, () => {
      deliveryTests(freshQueue, () => subject.carriesAstral !== false);
    });
    describe('waiting', { concurrency: 12 }, () => {
      waitingTests(freshQueue, () => subject.queues);
    });
    describe('receipts', { concurrency: 12 }, () => {
      receiptTests(freshQueue, () => subject.forgetsReceipts !== false);
    });
    describe('limits', { concurrency: 12 }, () => {
      limitTests(freshQueue);
    });
    describe('the service', { concurrency: 12 }, () => {
      serviceTests(freshQueue, () => subject.queues);
    });
    test('whatever is done to it, nothing is lost and nobody holds what another holds', () =>
      queueBehavesLikeItsModel(freshQueue));
  });
}

type MakeQueue = (settings?: QueueSettings) => Promise<Queue>;

function deliveryTests(freshQueue: MakeQueue, carriesAstral: () => boolean): void {
  test('a message comes out as it went in', async () => {
    const queue = await freshQueue();
    const before = Date.now();
    await queue.send('{"hello":"world"}');
    const message = await receiveOne(queue);
    assert.equal(message.body, '{"hello":"world"}');
    assert.equal(message.receiveCount, 1);
    assert.ok(
      Math.abs(message.sentAt.getTime() - before) < 60_000,
      `sent at ${message.sentAt.toISOString()}`,
    );
  });

  test('odd bodies come out byte by byte', async () => {
    const queue = await freshQueue();
    const bodies = [
      ' ',
      '\t\r\n',
      '"\\\u007f',
      'é'.normalize('NFD'),
      carriesAstral() ? '日本語 🙂 \u{10ffff}' : '日本語',
      "';--",
      'null',
      '\ufeffx',
    ];
    await queue.sendBatch(bodies);
    const received = await receiveCount(queue, bodies.length);
    assert.deepEqual(received.map((message) => message.body).sort(), bodies.toSorted());
  });

  test('a batch of hundreds arrives whole', async () => {
    const queue = await freshQueue();
    const bodies = Array.from({ length: 237 }, (_, index) => `message ${index} ${'x'.repeat(900)}`);
    await queue.sendBatch(bodies);
    const received = await receiveCount(queue, bodies.length);
    assert.deepEqual(received.map((message) => message.body).sort(), bodies.toSorted());
    await queue.deleteBatch(received.map((message) => message.receipt));
    assert.deepEqual(await drain(queue), []);
  });

  test('an empty batch is nothing', async () => {
    const queue = await freshQueue();
    await queue.sendBatch([]);
    await queue.deleteBatch([]);
    assert.deepEqual(await drain(queue), []);
  });

  test('receive gives at most as many as asked for', async () => {
    const queue = await freshQueue();
    await queue.sendBatch(['a', 'b', 'c', 'd']);
    const some = await queue.receive({ max: 3, waitSeconds: 5, visibilityTimeoutSeconds: LONG_SECONDS });
    assert.ok(some.length >= 1 && some.length <= 3, `${some.length} came`);
  });

  test('two receivers never both hold a message', async () => {
    const queue = await freshQueue();
    await queue.sendBatch(Array.from({ length: 60 }, (_, index) => String(index)));
    const shares = await Promise.all(Array.from({ length: 6 }, () => receiveCount(queue, 10)));
    const bodies = shares.flat().map((message) => message.body);
    assert.equal(new Set(bodies).size, 60);
  });

  test('a delayed message stays hidden, then comes', async () => {
    const queue = await freshQueue();
    await queue.send('later', { delaySeconds: DELAY_SECONDS });
    assert.deepEqual(await drain(queue), []);
    assert.equal((await receiveOne(queue)).body, 'later');
  });

  test('depth tells visible, in flight and delayed apart', async () => {
    const queue = await freshQueue();
    await queue.sendBatch(['a', 'b', 'c']);
    await queue.send('later', { delaySeconds: 900 });
    await receiveOne(queue);
    const { oldestAgeSeconds, ...counts } = await eventually(
      () => queue.depth(),
      (depth) => depth.visible === 2 && depth.inFlight === 1 && depth.delayed === 1,
    );
    assert.deepEqual(counts, { visible: 2, inFlight: 1, delayed: 1 });
    assert.ok(oldestAgeSeconds === undefined || (oldestAgeSeconds >= 0 && oldestAgeSeconds < 60));
  });
}

function waitingTests(freshQueue: MakeQueue, queues: () => QueueService): void {
  test('an empty queue gives nothing, at once or after the wait', async () => {
    const queue = await freshQueue();
    for (const waitSeconds of [0, SHORT_SECONDS]) {
      const got = await queue.receive({ max: 10, waitSeconds, visibilityTimeoutSeconds: LONG_SECONDS });
      assert.deepEqual(got, []);
    }
  });

  test('a message that is sent ends the wait', async () => {
    const queue = await freshQueue();
    const waiting = receiveOne(queue);
    await queue.send('wake up');
    assert.equal((await waiting).body, 'wake up');
  });

  test('each of many waiting receivers gets one of many messages', async () => {
    const queue = await freshQueue();
    const waiting = Array.from({ length: 8 }, () => receiveOne(queue));
    for (let index = 0; index < 8; index++) await queue.send(String(index));
    const bodies = (await Promise.all(waiting)).map((message) => message.body);
    assert.deepEqual(bodies.sort(), ['0', '1', '2', '3', '4', '5', '6', '7']);
  });

  test('aborting a receive ends it and loses no message', async () => {
    const queue = await freshQueue();
    const stop = new AbortController();
    const options = { max: 10, waitSeconds: 20, visibilityTimeoutSeconds: SHORT_SECONDS };
    const waiting = Array.from({ length: 5 }, () => queue.receive({ ...options, signal: stop.signal }));
    const sending = Promise.all(Array.from({ length: 10 }, (_, index) => queue.send(String(index))));
    setImmediate(() => stop.abort());
    await Promise.all(waiting);
    await sending;
    // What a receiver got before it was aborted, or missed by it, comes back after the timeout.
    const bodies = new Set<string>();
    while (bodies.size < 10) bodies.add((await receiveOne(queue)).body);
  });

  test('a receive whose signal has aborted gives nothing', async () => {
    const queue = await freshQueue();
    await queue.send('stays');
    const signal = AbortSignal.abort();
    assert.deepEqual(
      await queue.receive({ max: 1, waitSeconds: 20, visibilityTimeoutSeconds: LONG_SECONDS, signal }),
      [],
    );
    assert.equal((await receiveOne(queue)).body, 'stays');
  });

  test('a receive that waits when its queue goes rejects', async () => {
    const queue = await freshQueue();
    const waiting = receiveOne(queue);
    const rejected = assert.rejects(waiting, hasCode('not-found'));
    await queues().remove(queue.name);
    await rejected;
  });
}

function receiptTests(freshQueue: MakeQueue, forgetsReceipts: () => boolean): void {
  test('a message that is not deleted comes again, counted and with another receipt', async () => {
    const queue = await freshQueue();
    await queue.send('again');
    const first = await receiveOne(queue, SHORT_SECONDS);
    const second = await receiveOne(queue);
    assert.equal(second.id, first.id);
    assert.equal(second.body, 'again');
    assert.equal(second.receiveCount, 2);
    assert.notEqual(second.receipt, first.receipt);
  });

  test('a deleted message is gone, and deleting it again is no error', async () => {
    const queue = await freshQueue();
    await queue.send('once');
    const { receipt } = await receiveOne(queue, SHORT_SECONDS);
    await queue.delete(receipt);
    await queue.delete(receipt);
    await queue.deleteBatch([receipt, receipt]);
    await assertNothingFor(queue, SHORT_SECONDS + 0.5);
  });

  test('a stale receipt does nothing to the message that was delivered anew', async () => {
    const queue = await freshQueue();
    await queue.send('mine');
    const stale = await receiveOne(queue, SHORT_SECONDS);
    const fresh = await receiveOne(queue);
    await queue.extend(stale.receipt, 1);
    await queue.release(stale.receipt);
    if (!forgetsReceipts()) return;
    assert.deepEqual(await drain(queue), []);
    await queue.release(fresh.receipt);
    assert.equal((await receiveOne(queue)).body, 'mine');
  });

  test('extending hides a message for longer', async () => {
    const queue = await freshQueue();
    await queue.send('long work');
    const { receipt } = await receiveOne(queue, SHORT_SECONDS);
    await queue.extend(receipt, LONG_SECONDS);
    await assertNothingFor(queue, SHORT_SECONDS + 0.5);
  });

  test('releasing gives a message back at once, or after a delay', async () => {
    const queue = await freshQueue();
    await queue.send('not me');
    const first = await receiveOne(queue);
    await queue.release(first.receipt);
    const second = await receiveOne(queue);
    assert.equal(second.receiveCount, 2);
    await queue.release(second.receipt, DELAY_SECONDS);
    assert.deepEqual(await drain(queue), []);
    assert.equal((await receiveOne(queue)).receiveCount, 3);
  });

  test('after its last receive a message goes to the dead letters', async () => {
    const dead = await freshQueue();
    const queue = await freshQueue({ deadLetter: { queue: dead.name, maxReceives: 2 } });
    await queue.send('bad luck');
    await queue.release((await receiveOne(queue)).receipt);
    await queue.release((await receiveOne(queue)).receipt);
    assert.deepEqual(await drain(queue), []);
    assert.equal((await receiveOne(dead)).body, 'bad luck');
    assert.deepEqual(await drain(queue), []);
  });
}

function limitTests(freshQueue: MakeQueue): void {
  test('a message may have as many bytes as the queue takes, and not one more', async () => {
    const queue = await freshQueue({ maxMessageBytes: 2048 });
    const fits = 'é'.repeat(1024);
    await queue.send(fits);
    assert.equal((await receiveOne(queue)).body, fits);
    await assert.rejects(queue.send(`${fits}x`), hasCode('limit-exceeded'));
    await assert.rejects(queue.sendBatch(['small', `${fits}x`]), hasCode('limit-exceeded'));
  });

  test('a queue takes 1,024 bytes unless told otherwise', async () => {
    const queue = await freshQueue();
    await queue.send('x'.repeat(1024));
    await assert.rejects(queue.send('x'.repeat(1025)), hasCode('limit-exceeded'));
  });

  test('bodies that SQS would not carry are refused', async () => {
    const queue = await freshQueue();
    for (const body of ['', 'a\u0000b', '\u001b[0m', '\uffff', '\ud800']) {
      await assert.rejects(queue.send(body), hasCode('bad-request'), JSON.stringify(body));
    }
  });

  test('arguments out of range are refused', async () => {
    const queue = await freshQueue();
    const fine = { max: 1, waitSeconds: 0, visibilityTimeoutSeconds: 30 };
    for (const wrong of [{ max: 0 }, { max: 11 }, { waitSeconds: 21 }, { visibilityTimeoutSeconds: 0 }]) {
      await assert.rejects(
        queue.receive({ ...fine, ...wrong }),
        hasCode('bad-request'),
        JSON.stringify(wrong),
      );
    }
    await assert.rejects(queue.send('x', { delaySeconds: 901 }), hasCode('bad-request'));
    await assert.rejects(queue.send('x', { delaySeconds: Number.NaN }), hasCode('bad-request'));
  });
}

function serviceTests(freshQueue: MakeQueue, queues: () => QueueService): void {
  test('ensuring a queue again keeps its messages and takes the new settings', async () => {
    const queue = await freshQueue({ tags: { role: 'old' } });
    await queue.send('kept');
    const again = await queues().ensure(queue.name, { maxMessageBytes: 4096, tags: { role: 'new' } });
    await again.send('x'.repeat(4096));
    assert.equal((await receiveCount(again, 2)).length, 2);
    const [listed] = await queues().list(queue.name);
    assert.deepEqual(listed, { name: queue.name, tags: { role: 'new' } });
  });

  test('list gives the queues of a prefix', async () => {
    const prefix = `list-${randomUUID()}`;
    for (const name of [`${prefix}-b`, `${prefix}-a`, `${prefix}`]) await queues().ensure(name);
    const listed = await queues().list(`${prefix}-`);
    assert.deepEqual(listed.map(({ name }) => name).sort(), [`${prefix}-a`, `${prefix}-b`]);
  });

  test('every call on a queue that is gone rejects, and removing it again does not', async () => {
    const queue = await freshQueue();
    await queue.send('lost with its queue');
    await queues().remove(queue.name);
    await queues().remove(queue.name);
    const options = { max: 1, waitSeconds: 0, visibilityTimeoutSeconds: 30 };
    for (const call of [
      () => queue.send('x'),
      () => queue.sendBatch(['x']),
      () => queue.receive(options),
      () => queue.depth(),
    ]) {
      await assert.rejects(call(), hasCode('not-found'));
    }
    assert.deepEqual(await queues().list(queue.name), []);
  });

  test('a queue that is made anew under an old name is empty', async () => {
    const queue = await freshQueue();
    await queue.send('old');
    await queues().remove(queue.name);
    const anew = await queues().ensure(queue.name);
    assert.deepEqual(await drain(anew), []);
  });

  test('a dead-letter queue must exist', async () => {
    const deadLetter = { queue: `missing-${randomUUID()}`, maxReceives: 3 };
    await assert.rejects(freshQueue({ deadLetter }), hasCode('not-found'));
  });

  test('odd names are refused', async () => {
    for (const name of ['', 'a/b', '../up', 'ü', 'x'.repeat(81), 'a b']) {
      await assert.rejects(queues().ensure(name), hasCode('bad-request'), name);
    }
  });
}

/** Waits for one message as long as it takes: the runner's own time limit is the only one. */
async function receiveOne(queue: Queue, visibilityTimeoutSeconds = LONG_SECONDS): Promise<QueueMessage> {
  for (;;) {
    const [message] = await queue.receive({ max: 1, waitSeconds: 20, visibilityTimeoutSeconds });
    if (message !== undefined) return message;
  }
}

async function receiveCount(queue: Queue, count: number): Promise<QueueMessage[]> {
  const received: QueueMessage[] = [];
  while (received.length < count) {
    const max = Math.min(10, count - received.length);
    received.push(...(await queue.receive({ max, waitSeconds: 20, visibilityTimeoutSeconds: LONG_SECONDS })));
  }
  return received;
}

/** All that is visible now. */
async function drain(queue: Queue): Promise<string[]> {
  const got = await queue.receive({ max: 10, waitSeconds: 0, visibilityTimeoutSeconds: LONG_SECONDS });
  return got.map((message) => message.body);
}

async function assertNothingFor(queue: Queue, seconds: number): Promise<void> {
  const got = await queue.receive({ max: 10, waitSeconds: seconds, visibilityTimeoutSeconds: LONG_SECONDS });
  assert.deepEqual(got, []);
}

async function eventually<T>(read: () => Promise<T>, isRight: (value: T) => boolean): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    const value = await read();
    if (isRight(value) || attempt === 100) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const hasCode = (code: string) => (error: unknown) => {
  assert.equal(errorCode(error), code, String(error));
  return true;
};
