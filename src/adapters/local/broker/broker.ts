import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { FacefleetError } from '../../../errors.ts';
import type { Logger } from '../../../logger.ts';
import type { QueueDepth } from '../../../ports/queue.ts';
import { BrokerClock } from './broker-clock.ts';
import { BrokerConnection } from './broker-connection.ts';
import { BrokerDatabase } from './database.ts';
import { LockTable } from './lock-table.ts';
import { Maintenance } from './maintenance.ts';
import { type DeliveredMessage, PROTOCOL_VERSION, type QueueRequest, type Request } from './protocol.ts';
import { QueueEngine } from './queue-engine.ts';
import { brokerFolder, makePrivateFolder, socketPath } from './socket-path.ts';
import { type Answer, type Task, TurnRunner } from './turn-runner.ts';

export interface BrokerOptions {
  readonly dataDir: string;
  readonly logger: Logger;
  /** How long to wait for an older broker of this data folder to end (default 0). */
  readonly waitSeconds?: number;
  /** Sends are refused once the database holds this much (default 16 GiB). */
  readonly maxDatabaseBytes?: number;
}

export interface Broker extends AsyncDisposable {
  readonly socketPath: string;
  /** How full each queue is. */
  depths(): (QueueDepth & { readonly name: string })[];
  /** Answers what has come, ends every connection and leaves the database closed and tidy. */
  close(): Promise<void>;
}

const DEFAULT_MAX_BYTES = 16 * 1024 ** 3;
const MAX_CONNECTIONS = 2000;
/** One turn's transaction holds at most so many requests; the rest waits for the next turn. */
const MAX_REQUESTS_PER_TURN = 2000;
/** After a broker that ended a moment ago, those who held its locks have this long to say so before others get them. */
const LOCK_GRACE_MS = 1000;
/** Clients give up sooner without a broker, so nobody holds a lock of one that ended longer ago. */
const HOLDERS_GONE_MS = 10_000;

/**
 * Starts the one process that owns the queues of a data folder, and serves them and named locks on a Unix socket.
 *
 * @throws FacefleetError `data-folder-in-use` when another broker has it, `permission-denied`, `disk-full`,
 * `data-corrupt`, `conflict` when the database is of a newer version.
 */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const { dataDir, logger } = options;
  const database = await BrokerDatabase.open({
    folder: brokerFolder(dataDir),
    waitSeconds: options.waitSeconds ?? 0,
    maxBytes: options.maxDatabaseBytes ?? DEFAULT_MAX_BYTES,
  });
  try {
    const path = socketPath(dataDir);
    const broker = new BrokerServer(database, path, logger);
    await broker.listen();
    logger.info({ socket: path, database: database.file, recovered: database.wasUnclean }, 'broker is ready');
    return broker;
  } catch (error) {
    database[Symbol.dispose]();
    throw error;
  }
}

class BrokerServer implements Broker {
  readonly socketPath: string;
  readonly #logger: Logger;
  readonly #database: BrokerDatabase;
  readonly #clock: BrokerClock;
  readonly #engine: QueueEngine;
  readonly #turns: TurnRunner;
  readonly #maintenance: Maintenance;
  readonly #locks: LockTable;
  readonly #server: Server;
  readonly #connections = new Set<BrokerConnection>();
  #tasks: Task[] = [];
  #turnIsDue = false;
  #wake: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(database: BrokerDatabase, path: string, logger: Logger) {
    this.#database = database;
    this.socketPath = path;
    this.#logger = logger;
    const clock = new BrokerClock(database);
    const engine = new QueueEngine(database, clock);
    this.#clock = clock;
    this.#engine = engine;
    this.#turns = new TurnRunner({ database, engine, clock });
    this.#maintenance = new Maintenance({ database, engine, logger });
    const mayHaveHolders = database.wasUnclean || clock.savedAgoMs < HOLDERS_GONE_MS;
    this.#locks = new LockTable({ graceMs: mayHaveHolders ? LOCK_GRACE_MS : 0 });
    this.#server = createServer((socket) => this.#accept(socket));
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  async listen(): Promise<void> {
    if (dirname(this.socketPath) !== dirname(this.#database.file))
      makePrivateFolder(dirname(this.socketPath));
    // Whoever holds the database owns the name; a socket that is there was left by a broker that died.
    rmSync(this.socketPath, { force: true });
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause) =>
        reject(
          new FacefleetError('unavailable', `the broker cannot listen on ${this.socketPath}`, { cause }),
        ),
      );
      this.#server.listen(this.socketPath, resolve);
    });
    // Too many open files, say: that connection fails, the others go on.
    this.#server.on('error', (err) => this.#logger.error({ err }, 'a connection could not be accepted'));
    chmodSync(this.socketPath, 0o600);
  }

  depths(): (QueueDepth & { readonly name: string })[] {
    if (this.#isClosed) return [];
    return this.#engine.list('').map(({ name }) => ({ name, ...this.#engine.depth(name) }));
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#runTurn();
    this.#isClosed = true;
    clearTimeout(this.#wake);
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const connection of this.#connections) connection.end();
    await closed;
    this.#maintenance[Symbol.dispose]();
    this.#database.transaction({ mustLast: true }, () => this.#clock.save());
    this.#database[Symbol.dispose]();
    this.#logger.info('broker has ended');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #accept(socket: Socket): void {
    const connection: BrokerConnection = new BrokerConnection(socket, {
      onRequest: (request) => this.#handle(connection, request),
      onClose: (reason) => this.#forget(connection, reason),
    });
    this.#connections.add(connection);
  }

  #forget(connection: BrokerConnection, reason: Error | undefined): void {
    this.#connections.delete(connection);
    this.#locks.releaseAll(connection);
    if (reason !== undefined) this.#logger.warn({ err: reason }, 'a connection was ended');
    this.#schedule({ owner: connection, held: connection.held });
  }

  #handle(connection: BrokerConnection, request: Request): void {
    switch (request.op) {
      case 'hello':
        this.#greet(connection, request.id, request.protocol);
        break;
      case 'lock': {
        const onGranted = () => {
          connection.reply({ id: request.id, value: null });
          connection.flush();
        };
        this.#locks.request({ owner: connection, ...request, onGranted });
        break;
      }
      case 'unlock':
        this.#locks.release(connection, request.lock);
        break;
      default:
        this.#schedule({ owner: connection, request });
    }
  }

  #greet(connection: BrokerConnection, id: number, protocol: number): void {
    if (protocol === PROTOCOL_VERSION) {
      connection.reply({ id, value: { protocol: PROTOCOL_VERSION } });
    } else {
      const message = `the broker speaks protocol ${PROTOCOL_VERSION}, the client ${protocol}: run the same Facefleet`;
      connection.reply({ id, error: { code: 'conflict', message } });
    }
    connection.flush();
  }

  #schedule(task: Task): void {
    if (this.#isClosed) return;
    this.#tasks.push(task);
    this.#scheduleTurn();
  }

  #scheduleTurn(): void {
    if (this.#turnIsDue) return;
    this.#turnIsDue = true;
    setImmediate(() => this.#runTurn());
  }

  #runTurn(): void {
    this.#turnIsDue = false;
    if (this.#isClosed) return;
    const tasks = this.#tasks.splice(0, MAX_REQUESTS_PER_TURN);
    const answers = this.#turns.run(tasks);
    for (const answer of answers) this.#answer(answer);
    for (const connection of new Set(answers.map(({ owner }) => owner as BrokerConnection)))
      connection.flush();
    this.#maintenance.noteWork();
    if (this.#tasks.length > 0) this.#scheduleTurn();
    clearTimeout(this.#wake);
    const waitMs = this.#turns.msToNextTurn();
    if (waitMs !== undefined) this.#wake = setTimeout(() => this.#scheduleTurn(), waitMs);
  }

  #answer({ owner, request, outcome }: Answer): void {
    const connection = owner as BrokerConnection;
    if ('error' in outcome) {
      const { code, message } = outcome.error;
      if (code !== 'not-found') this.#logger.warn({ err: outcome.error, op: request.op }, 'a request failed');
      connection.reply({ id: request.id, error: { code, message } });
      return;
    }
    this.#noteHolder(connection, request, outcome.value);
    connection.reply({ id: request.id, value: outcome.value ?? null });
  }

  /** Keeps track of who holds what, so that the messages of a client that dies come back at once. */
  #noteHolder(connection: BrokerConnection, request: QueueRequest, value: unknown): void {
    if (request.op === 'delete') connection.letGo(request.receipts);
    if (request.op === 'release') connection.letGo([request.receipt]);
    if (request.op !== 'receive') return;
    const receipts = (value as readonly DeliveredMessage[]).map(({ receipt }) => receipt);
    connection.hold(request.queue, receipts);
    if (connection.isClosed && receipts.length > 0) {
      // It left while the message was on its way to it; `close` has been handled already.
      this.#schedule({ owner: connection, held: connection.held });
    }
  }
}
