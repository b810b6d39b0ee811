import { accessSync, chmodSync, constants, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { FacefleetError } from '../../../errors.ts';
import { migrate } from './schema.ts';
import { isBusy, translateSqliteError } from './sqlite-errors.ts';

/** How often a broker that waits for another to end looks again. */
const LOCK_POLL_MS = 25;
/** Pages that one slice of `shrink` gives back: some milliseconds of work. */
const VACUUM_SLICE_PAGES = 256;

export interface OpenOptions {
  /** Folder of the database, made if it is missing. */
  readonly folder: string;
  /** How long to wait for another broker to let go of it. */
  readonly waitSeconds: number;
  /** What the file may hold; see `assertRoom`. */
  readonly maxBytes: number;
}

/**
 * The SQLite file of the queues, owned by this process alone.
 *
 * The exclusive lock on the file is the lock of the data folder: the system takes it away from a process that dies,
 * however it dies, so there is no stale lock to clean up. Don't open and close the file in the same process by other
 * means: POSIX locks are dropped with any descriptor of the file.
 */
export class BrokerDatabase implements Disposable {
  readonly file: string;
  /** The last owner died with the file open. */
  readonly wasUnclean: boolean;
  readonly #database: DatabaseSync;
  readonly #maxBytes: number;
  readonly #space: StatementSync;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  #syncsCommits = true;

  private constructor(opened: Opened, file: string, maxBytes: number) {
    this.#database = opened.database;
    this.wasUnclean = opened.wasUnclean;
    this.file = file;
    this.#maxBytes = maxBytes;
    this.#begin = this.#database.prepare('BEGIN');
    this.#commit = this.#database.prepare('COMMIT');
    this.#space = this.#database.prepare(
      'SELECT (page_count - freelist_count) * page_size AS used_bytes FROM pragma_page_count, pragma_freelist_count, pragma_page_size',
    );
  }

  /**
   * @throws FacefleetError `data-folder-in-use` when another process still owns it after the wait,
   * `permission-denied`, `data-corrupt`, `disk-full`, `conflict` for a file of a newer version.
   */
  static async open({ folder, waitSeconds, maxBytes }: OpenOptions): Promise<BrokerDatabase> {
    const file = join(folder, 'queues.sqlite');
    makeFolder(folder);
    const deadline = performance.now() + waitSeconds * 1000;
    for (;;) {
      const opened = tryOpen(file);
      if (opened !== undefined) return new BrokerDatabase(opened, file, maxBytes);
      if (performance.now() >= deadline) {
        throw new FacefleetError(
          'data-folder-in-use',
          `another Facefleet uses the data folder: ${folder} is locked. Stop it, or use another FACEFLEET_DATA_DIR`,
        );
      }
      await sleep(LOCK_POLL_MS);
    }
  }

  prepare(sql: string): StatementSync {
    return this.#database.prepare(sql);
  }

  /**
   * All or nothing, and visible to whoever opens the file after this process died. `mustLast`: a power cut does not undo it
   * either, nor what was done before it; without, it may, whole and in order.
   */
  transaction<T>({ mustLast }: { mustLast: boolean }, work: () => T): T {
    this.#syncCommits(mustLast);
    this.#begin.run();
    try {
      const result = work();
      this.#commit.run();
      return result;
    } catch (error) {
      // A full disk or a failing one has already rolled it back.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw translateSqliteError(error, this.file);
    }
  }

  /**
   * For what adds to the file; what takes from it is let through, so that a full database can be emptied.
   *
   * @throws FacefleetError `disk-full` when the file holds as much as it may.
   */
  assertRoom(): void {
    const usedBytes = Number(this.#space.get()?.used_bytes);
    if (usedBytes < this.#maxBytes) return;
    throw new FacefleetError(
      'disk-full',
      `the queue database ${this.file} holds ${usedBytes} bytes, its limit is ${this.#maxBytes}`,
    );
  }

  /** Carries the write-ahead log into the database and empties it, so that deleted bytes are in neither. */
  checkpoint(): void {
    this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  }

  /** Gives some unused pages back to the file system; true while there are more. */
  shrink(): boolean {
    const unused = this.#database.prepare('PRAGMA freelist_count').get()?.freelist_count;
    if (typeof unused !== 'number' || unused === 0) return false;
    this.#database.exec(`PRAGMA incremental_vacuum(${VACUUM_SLICE_PAGES})`);
    return unused > VACUUM_SLICE_PAGES;
  }

  #syncCommits(isWanted: boolean): void {
    if (this.#syncsCommits === isWanted) return;
    this.#database.exec(`PRAGMA synchronous = ${isWanted ? 'FULL' : 'NORMAL'}`);
    this.#syncsCommits = isWanted;
  }

  [Symbol.dispose](): void {
    if (this.#database.isOpen) this.#database.close();
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    // Also when it was there: a restored backup rarely keeps modes, and the socket in it is only as safe as it is.
    chmodSync(folder, 0o700);
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    throw new FacefleetError(
      code === 'ENOSPC' ? 'disk-full' : 'permission-denied',
      `the folder ${folder} cannot be made or written to (${String(code)})`,
      { cause },
    );
  }
}

interface Opened {
  readonly database: DatabaseSync;
  readonly wasUnclean: boolean;
}

/** Undefined when another process has it. */
function tryOpen(file: string): Opened | undefined {
  let database: DatabaseSync | undefined;
  try {
    const wasUnclean = hasLog(file);
    database = new DatabaseSync(file, { timeout: 0 });
    chmodSync(file, 0o600);
    configure(database);
    migrate(database, file);
    return { database, wasUnclean };
  } catch (error) {
    if (database?.isOpen) database.close();
    if (isBusy(error)) return undefined;
    throw translateSqliteError(error, file);
  }
}

/** A broker that ends properly leaves no write-ahead log behind. */
function hasLog(file: string): boolean {
  try {
    accessSync(`${file}-wal`);
    return true;
  } catch {
    return false;
  }
}

function configure(database: DatabaseSync): void {
  // Exclusive before WAL: the lock is never let go, and the index of the log lives in memory instead of a shared file.
  database.exec('PRAGMA locking_mode = EXCLUSIVE');
  // Must be set before the first table is made.
  database.exec('PRAGMA auto_vacuum = INCREMENTAL');
  database.exec('PRAGMA journal_mode = WAL');
  database.exec('BEGIN EXCLUSIVE; COMMIT');
  database.exec(`
    PRAGMA synchronous = FULL;
    PRAGMA fullfsync = ON;
    PRAGMA secure_delete = ON;
    PRAGMA wal_autocheckpoint = 1000;
    PRAGMA journal_size_limit = 8388608;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -16384;
  `);
}
