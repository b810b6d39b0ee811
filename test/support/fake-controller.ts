import { EventEmitter, once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { leaderKey } from '../../src/jobs/keys.ts';
import type { ObjectStore } from '../../src/ports/object-store.ts';
import type { Heartbeat, HeartbeatReply } from '../../src/scaling/heartbeat.ts';

/** A controller that listens to heartbeats on a free port of 127.0.0.1 and answers as the test says. */
export class FakeController implements AsyncDisposable {
  readonly beats: Heartbeat[] = [];
  /** What it answers from now on. */
  reply: HeartbeatReply;
  /** Instead of the reply, status and body, if given. */
  failure: { readonly status: number; readonly body: string } | undefined;
  readonly #server: Server;
  readonly #token: string;
  readonly #arrivals = new EventEmitter();

  private constructor(server: Server, epoch: number) {
    this.#server = server;
    this.#token = `token-of-epoch-${epoch}`;
    this.reply = { order: 'run', galleryVersion: 0, epoch };
    server.on('request', async (request, response) => {
      const isMine = request.method === 'POST' && request.url === '/heartbeat';
      if (!isMine || request.headers.authorization !== `Bearer ${this.#token}`) {
        response.writeHead(401).end();
        return;
      }
      const beat = (await json(request)) as Heartbeat;
      const { status, body } = this.failure ?? { status: 200, body: JSON.stringify(this.reply) };
      response.writeHead(status, { 'content-type': 'application/json' }).end(body);
      this.beats.push(beat);
      this.#arrivals.emit('beat');
    });
  }

  static async start({ epoch = 1 }: { epoch?: number } = {}): Promise<FakeController> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FakeController(server, epoch);
  }

  /** Writes the leader record that leads workers here. */
  async register(state: ObjectStore): Promise<void> {
    const { port } = this.#server.address() as AddressInfo;
    const record = {
      version: 1,
      address: `http://127.0.0.1:${port}`,
      epoch: this.reply.epoch,
      token: this.#token,
      controllerId: 'fake',
      leaseUntil: Number.MAX_SAFE_INTEGER,
    };
    await state.put(leaderKey, Buffer.from(JSON.stringify(record)));
  }

  /** Resolves to the beat of that number, from 1, once it has come. */
  async beat(number: number): Promise<Heartbeat> {
    while (this.beats.length < number) await once(this.#arrivals, 'beat');
    return this.beats[number - 1]!;
  }

  /** Resolves to the next beat for which this holds, or one that came. */
  async beatWith(holds: (beat: Heartbeat) => boolean): Promise<Heartbeat> {
    for (;;) {
      const found = this.beats.find(holds);
      if (found !== undefined) return found;
      await once(this.#arrivals, 'beat');
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
