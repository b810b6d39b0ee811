import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import fc from 'fast-check';

import { eventually } from '../../test/support/eventually.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { formOf, pictureOf, readResponse } from '../../test/support/web-service.ts';
import { ByteBudget } from './byte-budget.ts';
import { READING_BYTES } from './picture-buffer.ts';
import { HttpProblem } from './problem.ts';
import { ClientGoneError, receiveUpload } from './upload.ts';

const MEBI = 1024 * 1024;

interface Seen {
  readonly fileName: string;
  readonly contentType: string;
  readonly bytes: Buffer;
  readonly sha256: string;
}

/** A server that does nothing but receive uploads, and keeps what came. */
class Receiver implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly budget: ByteBudget;
  readonly uploads: Seen[] = [];
  readonly failures: unknown[] = [];
  readonly maxBytes: number;
  readonly #server: Server;

  constructor({ maxBytes = MEBI, totalBytes = 4 * MEBI } = {}) {
    this.maxBytes = maxBytes;
    this.budget = new ByteBudget({
      totalBytes,
      largestClaimBytes: maxBytes + READING_BYTES,
      clock: this.clock,
    });
    this.#server = createServer(async (request, response) => {
      try {
        using upload = await receiveUpload(request, this, { allowRaw: true });
        const { fileName, contentType, picture } = upload;
        const opened = picture.open();
        const bytes = opened instanceof Uint8Array ? Buffer.from(opened) : await buffer(opened);
        this.uploads.push({ fileName, contentType, bytes, sha256: picture.sha256 });
        response.end('ok');
      } catch (error) {
        this.failures.push(error);
        response.statusCode = error instanceof HttpProblem ? error.status : 500;
        response.end();
        request.resume();
      }
    });
  }

  static async start(options: { maxBytes?: number; totalBytes?: number } = {}): Promise<Receiver> {
    const receiver = new Receiver(options);
    receiver.#server.listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    return receiver;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  connect(): Socket {
    return connect(this.port, '127.0.0.1').on('error', () => undefined);
  }

  post(body: FormData): Promise<Response> {
    return fetch(`http://127.0.0.1:${this.port}/`, { method: 'POST', body });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** The bytes of a whole request with one picture in a form. */
function formRequest(picture: Buffer, { declaredLength }: { declaredLength?: number } = {}): Buffer {
  const body = Buffer.concat([
    Buffer.from(
      '--b\r\nContent-Disposition: form-data; name="inputFile"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n',
    ),
    picture,
    Buffer.from('\r\n--b--\r\n'),
  ]);
  return Buffer.concat([
    Buffer.from(
      'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n' +
        `Content-Length: ${declaredLength ?? body.length}\r\n\r\n`,
    ),
    body,
  ]);
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

test('property: pictures of any size arrive whole, with their hash', async () => {
  await using receiver = await Receiver.start();
  const sizes = fc.oneof(
    fc.integer({ min: 5, max: 300 }),
    fc.integer({ min: 4000, max: 140_000 }),
    fc.constantFrom(4096, 8192, 65_536, 65_537, MEBI),
  );
  await fc.assert(
    fc.asyncProperty(sizes, fc.integer(), async (sizeBytes, fill) => {
      const picture = pictureOf('x', sizeBytes);
      picture.fill(fill & 0xff, 7);
      assert.equal((await receiver.post(formOf(picture))).status, 200);
      const seen = receiver.uploads.pop();
      assert.ok(seen);
      assert.ok(seen.bytes.equals(picture));
      assert.equal(seen.sha256, sha256(picture));
    }),
    { numRuns: 40 },
  );
  assert.equal(receiver.budget.usedBytes, 0);
});

test('name and type of the part come through, cleaned', async () => {
  await using receiver = await Receiver.start();
  await receiver.post(formOf(pictureOf('x'), 'dir/ü漢.jpg'));
  assert.equal(receiver.uploads[0]?.fileName, 'ü漢.jpg');
  assert.equal(receiver.uploads[0]?.contentType, 'image/jpeg');
  const socket = receiver.connect();
  const odd = formRequest(pictureOf('x')).toString('latin1').replace('image/jpeg', 'image jpeg');
  socket.write(odd, 'latin1');
  assert.equal((await readResponse(socket))?.status, 200);
  socket.destroy();
  assert.match(receiver.uploads[1]?.contentType ?? '', /^[a-z]+\/[a-z-]+$/);
});

test('file names with control characters are refused', async () => {
  await using receiver = await Receiver.start();
  const socket = receiver.connect();
  const request = formRequest(pictureOf('x'))
    .toString('latin1')
    .replace('filename="a.jpg"', "filename*=UTF-8''a%0d%0aX-Evil:%201.jpg")
    .replace(/Content-Length: (\d+)/, (_, length) => `Content-Length: ${Number(length) + 23}`);
  socket.write(request, 'latin1');
  assert.equal((await readResponse(socket))?.status, 400);
  socket.destroy();
});

test('a body in chunks of one byte takes no more memory than another', async () => {
  await using receiver = await Receiver.start();
  const socket = receiver.connect();
  const picture = pictureOf('x', 100_000);
  socket.write(
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Type: image/jpeg\r\nTransfer-Encoding: chunked\r\n\r\n',
  );
  const chunks = [...picture].map((byte) => Buffer.from([0x31, 13, 10, byte, 13, 10]));
  socket.write(Buffer.concat([...chunks, Buffer.from('0\r\n\r\n')]));
  assert.equal((await readResponse(socket))?.status, 200);
  socket.destroy();
  assert.equal(receiver.uploads[0]?.sha256, sha256(picture));
});

test('an upload that is cut off anywhere hurts nobody and frees what it held', async () => {
  await using receiver = await Receiver.start();
  const whole = formRequest(pictureOf('x', 200_000));
  const offsets = [1, 50, 110, 150, 200, 260, 300, 5000, 70_000, 150_000, whole.length - 5, whole.length - 1];
  for (const offset of offsets) {
    const socket = receiver.connect();
    await once(socket, 'connect');
    socket.write(whole.subarray(0, offset));
    socket.end();
    await once(socket.resume(), 'close');
  }
  await eventually('all is free again', () => receiver.budget.usedBytes === 0);
  assert.deepEqual(receiver.uploads, []);
  assert.ok(receiver.failures.length > 0);
  assert.ok(receiver.failures.every((error) => error instanceof ClientGoneError));
  assert.equal((await receiver.post(formOf(pictureOf('x')))).status, 200);
});

test('a form that ends early is 400', async () => {
  await using receiver = await Receiver.start();
  const socket = receiver.connect();
  const whole = formRequest(pictureOf('x', 1000));
  const cut = whole.subarray(0, -9);
  const head = cut.indexOf('\r\n\r\n') + 4;
  const text = cut.toString('latin1').replace(/Content-Length: \d+/, `Content-Length: ${cut.length - head}`);
  socket.write(text, 'latin1');
  assert.equal((await readResponse(socket))?.status, 400);
  socket.destroy();
  assert.equal(receiver.budget.usedBytes, 0);
});

test('a client that sends next to nothing for ten seconds is 408', async () => {
  await using receiver = await Receiver.start();
  const socket = receiver.connect();
  const whole = formRequest(pictureOf('x', 200_000));
  socket.write(whole.subarray(0, 20_000));
  await receiver.clock.untilSleeping();
  await eventually('bytes have arrived', () => receiver.budget.usedBytes > 0);
  await receiver.clock.advance(10_000);
  socket.write('x');
  await receiver.clock.advance(10_000);
  assert.equal((await readResponse(socket))?.status, 408);
  socket.destroy();
  assert.equal(receiver.budget.usedBytes, 0);
});

test('clients that fill the memory and stop make room for one that sends', async () => {
  await using receiver = await Receiver.start({ maxBytes: MEBI, totalBytes: 4 * MEBI });
  const stuck = Array.from({ length: 12 }, () => receiver.connect());
  const half = formRequest(pictureOf('x', MEBI - 1000)).subarray(0, MEBI / 2);
  for (const socket of stuck) socket.write(half);
  await eventually('the memory is used up', () => receiver.budget.waiting > 0);

  const normal = receiver.post(formOf(pictureOf('x', 100_000)));
  let isDone = false;
  void normal.then(() => {
    isDone = true;
  });
  await eventually('the normal one got through', async () => {
    await receiver.clock.advance(1000);
    return isDone;
  });
  assert.equal((await normal).status, 200);
  assert.ok(receiver.budget.usedBytes <= 4 * MEBI);
  for (const socket of stuck) socket.destroy();
  await eventually('all is free again', () => receiver.budget.usedBytes === 0);
});

test('far more uploads at once than fit into memory all arrive', async () => {
  await using receiver = await Receiver.start({ maxBytes: MEBI, totalBytes: 2 * MEBI });
  const responses = await Promise.all(
    Array.from({ length: 30 }, () => receiver.post(formOf(pictureOf('x', MEBI)))),
  );
  assert.ok(responses.every(({ status }) => status === 200));
  assert.equal(receiver.budget.usedBytes, 0);
});

test('a refused upload still gets to read its answer', async () => {
  await using receiver = await Receiver.start();
  const socket = receiver.connect();
  socket.write(formRequest(pictureOf('x', 3 * MEBI)));
  assert.equal((await readResponse(socket))?.status, 413);
  socket.destroy();
});
