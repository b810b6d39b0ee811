import { FacefleetError, UnavailableError } from '../../../errors.ts';
import type { Logger } from '../../../logger.ts';
import { OutageTimer } from './outage-timer.ts';
import {
  errorFromReply,
  type OperationName,
  type Operations,
  PROTOCOL_VERSION,
  type Reply,
} from './protocol.ts';
import { ReconnectingSocket } from './reconnecting-socket.ts';

/** After this much running time without a broker the link gives up for good. */
const LOST_AFTER_SECONDS = 5;
/** Number of the request that every connection begins with. */
const GREETING_ID = 0;

export interface LinkOptions {
  readonly path: string;
  readonly logger: Logger;
  /** How long the first connection may take. */
  readonly waitSeconds: number;
}

type Request<Name extends OperationName> = Operations[Name]['request'];

interface Call {
  readonly encode: (isRetry: boolean) => string;
  readonly context: Readonly<Record<string, string>>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  wasSent: boolean;
  /** The caller has given up: if the connection breaks it gets this, instead of another try. */
  resignation?: { readonly value: unknown };
}

export interface StartedCall<Name extends OperationName> {
  /** Number of the request. */
  readonly id: number;
  readonly reply: Promise<Operations[Name]['reply']>;
}

/**
 * Calls to the broker over one connection that mends itself.
 *
 * Calls are pipelined, and all that are made in one turn of the event loop go as one frame. When the connection
 * breaks, calls wait and go out again on the next one: sends may then repeat, which the port allows, and everything
 * else can be repeated without harm. After five seconds of running time without a broker every call rejects, then and
 * later, and `lost` aborts. The link keeps the process alive only while calls are open.
 */
export class BrokerLink {
  readonly #path: string;
  readonly #logger: Logger;
  readonly #socket: ReconnectingSocket;
  readonly #outage = new OutageTimer({ seconds: LOST_AFTER_SECONDS });
  readonly #calls = new Map<number, Call>();
  /** Encoded requests that go first on a new connection: they take back what the last one held. */
  readonly #reclaims = new Map<number, string>();
  readonly #firstGreeting = Promise.withResolvers<void>();
  #wasGreeted = false;
  #outbox: string[] = [];
  #isFlushDue = false;
  /** Why there will be no further calls. */
  #end: Error | undefined;
  #lastBreak: Error | undefined;
  #lastId = 0;

  private constructor({ path, logger }: LinkOptions) {
    this.#path = path;
    this.#logger = logger;
    this.lost.addEventListener('abort', () => {
      const gone = `the broker has been gone for ${LOST_AFTER_SECONDS} seconds`;
      logger.error({ socket: path }, gone);
      this.#finish(new UnavailableError(gone, { context: { socket: path } }));
    });
    this.#socket = new ReconnectingSocket(path, {
      onOpen: () => this.#greet(),
      onFrame: (frame) => this.#readReplies(frame),
      onBreak: (reason) => this.#onBreak(reason),
    });
  }

  /**
   * @throws UnavailableError when no broker answers within the wait; FacefleetError `permission-denied` when it belongs
   * to somebody else, `conflict` when it is of another version.
   */
  static async open(options: LinkOptions): Promise<BrokerLink> {
    const link = new BrokerLink(options);
    const timer = setTimeout(() => link.#refuse(), options.waitSeconds * 1000);
    link.#updateKeepAlive();
    try {
      await link.#firstGreeting.promise;
      return link;
    } catch (error) {
      link.close();
      throw error;
    } finally {
      clearTimeout(timer);
      link.#updateKeepAlive();
    }
  }

  /** Aborts when the broker has been gone for five seconds of running time. */
  get lost(): AbortSignal {
    return this.#outage.signal;
  }

  /** @param request its fields, or what makes them anew for every connection the request is sent on. */
  call<Name extends OperationName>(
    op: Name,
    request: Request<Name> | ((isRetry: boolean) => Request<Name>),
    context: Readonly<Record<string, string>> = {},
  ): StartedCall<Name> {
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<Operations[Name]['reply']>();
    if (this.#end !== undefined) {
      reject(this.#end);
      return { id, reply: promise };
    }
    const encode = (isRetry: boolean) =>
      encodeRequest(id, op, typeof request === 'function' ? request(isRetry) : request);
    const call: Call = { encode, context, resolve: resolve as Call['resolve'], reject, wasSent: false };
    this.#calls.set(id, call);
    this.#updateKeepAlive();
    if (this.#socket.isOpen) this.#send(call);
    return { id, reply: promise };
  }

  /** Ends a waiting receive: it resolves to what had already come, or to nothing. */
  cancelReceive(id: number): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    call.resignation = { value: [] };
    if (this.#socket.isOpen) this.#post('cancel', { receive: id });
    else this.#settleResigned();
  }

  /** The lock of this call is held: a new connection begins by taking it back. */
  keepLock(id: number, name: string): void {
    this.#reclaims.set(id, encodeRequest(id, 'lock', { name, isReclaim: true }));
  }

  /** Gives a lock back, or stops waiting for it: the call is then never settled. */
  dropLock(id: number): void {
    this.#reclaims.delete(id);
    this.#calls.delete(id);
    this.#updateKeepAlive();
    if (this.#socket.isOpen) this.#post('unlock', { lock: id });
  }

  /** Ends the connection; open calls reject. */
  close(): void {
    this.#finish(new UnavailableError('the connection to the broker was closed'));
  }

  #greet(): void {
    this.#outbox = [encodeRequest(GREETING_ID, 'hello', { protocol: PROTOCOL_VERSION })];
    this.#outbox.push(...this.#reclaims.values());
    for (const call of this.#calls.values()) this.#send(call);
    this.#flush();
  }

  #send(call: Call): void {
    this.#outbox.push(call.encode(call.wasSent));
    call.wasSent = true;
    this.#scheduleFlush();
  }

  #post<Name extends 'cancel' | 'unlock'>(op: Name, request: Request<Name>): void {
    this.#outbox.push(encodeRequest(++this.#lastId, op, request));
    this.#scheduleFlush();
  }

  #scheduleFlush(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#isFlushDue = false;
    if (!this.#socket.isOpen) return;
    this.#socket.write(this.#outbox);
    this.#outbox = [];
  }

  #readReplies(frame: unknown): void {
    if (!Array.isArray(frame))
      throw new FacefleetError('internal', 'the broker sent a frame without replies');
    for (const reply of frame as Reply[]) {
      if (reply.id === GREETING_ID) this.#onGreeted(reply);
      else this.#settle(reply);
    }
    this.#updateKeepAlive();
  }

  #onGreeted(reply: Reply): void {
    if ('error' in reply) {
      const error = errorFromReply(reply.error, { socket: this.#path });
      this.#firstGreeting.reject(error);
      throw error;
    }
    if (this.#wasGreeted) this.#logger.info({ socket: this.#path }, 'the broker is back');
    this.#wasGreeted = true;
    this.#socket.confirm();
    this.#outage.stop();
    this.#firstGreeting.resolve();
  }

  #settle(reply: Reply): void {
    const call = this.#calls.get(reply.id);
    this.#calls.delete(reply.id);
    if ('value' in reply) call?.resolve(reply.value);
    else call?.reject(errorFromReply(reply.error, call.context));
  }

  #onBreak(reason: Error | undefined): void {
    this.#lastBreak = reason;
    this.#outbox = [];
    this.#settleResigned();
    if (!this.#wasGreeted || this.#end !== undefined) return;
    if (!this.#outage.isRunning) {
      this.#logger.warn({ socket: this.#path, err: reason }, 'the broker is gone; trying again');
    }
    this.#outage.start();
  }

  #settleResigned(): void {
    for (const [id, call] of this.#calls) {
      if (call.resignation === undefined) continue;
      this.#calls.delete(id);
      call.resolve(call.resignation.value);
    }
    this.#updateKeepAlive();
  }

  #refuse(): void {
    const code = this.#lastBreak && 'code' in this.#lastBreak ? String(this.#lastBreak.code) : 'no answer';
    const options = { context: { socket: this.#path }, cause: this.#lastBreak };
    this.#firstGreeting.reject(
      code === 'EACCES'
        ? new FacefleetError('permission-denied', 'the broker belongs to another user', options)
        : new UnavailableError(
            `no broker answers (${code}): is \`facefleet up\` running with this data folder?`,
            options,
          ),
    );
  }

  #finish(reason: Error): void {
    if (this.#end !== undefined) return;
    this.#end = reason;
    this.#flush();
    this.#settleResigned();
    this.#outage.stop();
    this.#socket.close();
    for (const call of this.#calls.values()) call.reject(reason);
    this.#calls.clear();
    this.#reclaims.clear();
  }

  #updateKeepAlive(): void {
    this.#socket.keepAlive(this.#calls.size > 0 || !this.#wasGreeted);
  }
}

function encodeRequest<Name extends OperationName>(id: number, op: Name, request: Request<Name>): string {
  return JSON.stringify({ id, op, ...request });
}
