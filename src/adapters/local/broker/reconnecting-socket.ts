import { createConnection, type Socket } from 'node:net';
import { encodeFrames, FrameReader } from './framing.ts';

const FIRST_RETRY_MS = 10;
const LONGEST_RETRY_MS = 200;

export interface SocketEvents {
  readonly onOpen: () => void;
  /** @throws when the frame makes no sense; the connection is then made anew. */
  readonly onFrame: (frame: unknown) => void;
  /** The connection broke, or could not be made; another try follows unless it was closed. */
  readonly onBreak: (reason: Error | undefined) => void;
}

/** A socket at a path that is connected again, with backoff, whenever it breaks. */
export class ReconnectingSocket {
  readonly #path: string;
  readonly #events: SocketEvents;
  #socket: Socket | undefined;
  #isOpen = false;
  #isClosed = false;
  #isReferenced = false;
  #retryMs = FIRST_RETRY_MS;
  #retryTimer: NodeJS.Timeout | undefined;

  constructor(path: string, events: SocketEvents) {
    this.#path = path;
    this.#events = events;
    this.#connect();
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Sends JSON texts, in their order, in as few frames as will do. */
  write(items: readonly string[]): void {
    for (const frame of encodeFrames(items)) this.#socket?.write(frame);
  }

  /** The other side is the one that was looked for: the next break starts with short pauses again. */
  confirm(): void {
    this.#retryMs = FIRST_RETRY_MS;
  }

  /** Whether the process stays alive for it. */
  keepAlive(isReferenced: boolean): void {
    this.#isReferenced = isReferenced;
    for (const handle of [this.#socket, this.#retryTimer]) {
      if (isReferenced) handle?.ref();
      else handle?.unref();
    }
  }

  /** Sends what was written, then ends it for good. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#retryTimer);
    this.#socket?.end();
    this.#socket?.unref();
  }

  #connect(): void {
    const reader = new FrameReader();
    let reason: Error | undefined;
    const socket = createConnection(this.#path);
    this.#socket = socket;
    this.keepAlive(this.#isReferenced);
    socket.on('connect', () => {
      this.#isOpen = true;
      this.#events.onOpen();
    });
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const frame of reader.push(chunk)) this.#events.onFrame(frame);
      } catch (error) {
        socket.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    });
    socket.on('error', (error) => {
      reason = error;
    });
    socket.on('close', () => this.#retry(reason));
  }

  #retry(reason: Error | undefined): void {
    this.#isOpen = false;
    this.#socket = undefined;
    if (!this.#isClosed) {
      this.#retryTimer = setTimeout(() => this.#connect(), this.#retryMs);
      this.#retryMs = Math.min(2 * this.#retryMs, LONGEST_RETRY_MS);
      this.keepAlive(this.#isReferenced);
    }
    this.#events.onBreak(reason);
  }
}
