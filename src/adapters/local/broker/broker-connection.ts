import type { Socket } from 'node:net';
import { encodeFrames, FrameReader } from './framing.ts';
import { parseRequests, type Refusal, type Reply, type Request } from './protocol.ts';
import type { Delivery } from './turn-runner.ts';

/** A client that doesn't read its replies is cut off before it fills the broker's memory. */
const MAX_UNSENT_BYTES = 128 * 1024 * 1024;
/** More than any client holds; older ones are forgotten and come back by their timeout. */
const MAX_HELD = 20_000;

export interface ConnectionEvents {
  readonly onRequest: (request: Request) => void;
  /** Once, whoever ended it; `reason` if it was ended for what the client did. */
  readonly onClose: (reason: Error | undefined) => void;
}

/** One client at the broker: its requests, its replies, and what it holds. */
export class BrokerConnection {
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  readonly #held = new Map<string, string>();
  #replies: string[] = [];
  #reason: Error | undefined;

  constructor(socket: Socket, events: ConnectionEvents) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#read(chunk, events.onRequest));
    // A reset is followed by `close`, which says all that matters here.
    socket.on('error', (error) => {
      this.#reason ??= error;
    });
    socket.on('close', () => events.onClose(this.#reason));
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  /** Goes out with the next `flush`. */
  reply(reply: Reply): void {
    this.#replies.push(JSON.stringify(reply));
  }

  flush(): void {
    if (this.#replies.length === 0 || this.isClosed) return;
    for (const frame of encodeFrames(this.#replies)) this.#socket.write(frame);
    this.#replies = [];
    if (this.#socket.writableLength > MAX_UNSENT_BYTES) this.end(new Error('it does not read its replies'));
  }

  end(reason?: Error): void {
    this.#reason ??= reason;
    this.#socket.destroy();
  }

  /** What it was given and has neither deleted nor released. */
  get held(): Delivery[] {
    return [...this.#held].map(([receipt, queue]) => ({ queue, receipt }));
  }

  hold(queue: string, receipts: readonly string[]): void {
    for (const receipt of receipts) this.#held.set(receipt, queue);
    for (const receipt of this.#held.keys()) {
      if (this.#held.size <= MAX_HELD) break;
      this.#held.delete(receipt);
    }
  }

  letGo(receipts: readonly string[]): void {
    for (const receipt of receipts) this.#held.delete(receipt);
  }

  #refuse({ id, refusal }: Refusal): void {
    this.reply({ id, error: { code: 'bad-request', message: refusal } });
    this.flush();
  }

  #read(chunk: Buffer, onRequest: (request: Request) => void): void {
    try {
      for (const frame of this.#reader.push(chunk)) {
        for (const request of parseRequests(frame)) {
          if ('refusal' in request) this.#refuse(request);
          else onRequest(request);
        }
      }
    } catch (error) {
      this.end(error instanceof Error ? error : new Error(String(error)));
    }
  }
}
