import { createHash, randomBytes } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { lstat, mkdir, readdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import type { ErrorContext } from '../../../errors.ts';
import { tooLarge } from '../../object-rules.ts';
import { type BodyFacts, encodeFacts, endsLikeFacts, FOOTER_BYTES } from './body-facts.ts';
import { SNIFFED_BYTES } from './content-type.ts';
import { hasErrno, unlessMissing, unlinkIfThere } from './file-errors.ts';
import { OpenFile } from './open-file.ts';

/** Another machine's temporary file that nobody has written to for this long has no writer any more. */
const ABANDONED_AFTER_MS = 3_600_000;

export interface StageOptions {
  readonly maxBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What there is to know beyond the body, which begins so; it is written behind it. */
  readonly factsOf: (firstBytes: Buffer) => BodyFacts | undefined;
  /** For errors. */
  readonly context: ErrorContext;
}

const MACHINE = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);
/** Threads of one process load this module once each: the random part keeps their files apart. */
const OWN_PREFIX = `${MACHINE}-${process.pid}-${randomBytes(6).toString('hex')}-`;
let count = 0;
let lastStampUs = 0n;

/** A body that is written but not yet anybody's object. Disposing removes the temporary name, if it is still there. */
export interface StagedFile extends AsyncDisposable {
  readonly path: string;
  readonly stats: BigIntStats;
  /** To be awaited before the file gets its name: resolves when it is durable. The sync runs already, beside whatever else has to be done. */
  readonly synced: Promise<void>;
}

/** Marks errors of the body that was handed in, which are passed on as they are. */
export class SourceError {
  readonly error: unknown;
  constructor(error: unknown) {
    this.error = error;
  }
}

/** Temporary files in a hidden folder of the bucket, on the same disk as the objects that they become. */
export class Staging {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Writes the body. Rejects with a SourceError, `limit-exceeded`, or what the file system says; then nothing is left. */
  async stage(body: Uint8Array | Readable, options: StageOptions): Promise<StagedFile> {
    const path = join(this.folder, `${OWN_PREFIX}${++count}`);
    const file = await this.#create(path);
    try {
      await writeBody(file, body, options);
      await writeFacts(file, body, options);
      return stagedFile(path, file, stamp(file, 0n));
    } catch (error) {
      file[Symbol.dispose]();
      unlinkIfThere(path);
      throw error;
    }
  }

  /** Gives it a modification time after that of the version it is to replace. */
  async restamp(staged: StagedFile, after: bigint): Promise<StagedFile> {
    await staged.synced;
    const file = OpenFile.open(staged.path, 'r+');
    return stagedFile(staged.path, file, stamp(file, after));
  }

  /** Temporary files whose writers are dead. */
  async abandoned(): Promise<string[]> {
    const names = (await unlessMissing(readdir(this.folder))) ?? [];
    const paths: string[] = [];
    for (const name of names) if (await this.#isAbandoned(name)) paths.push(join(this.folder, name));
    return paths;
  }

  async #create(path: string): Promise<OpenFile> {
    try {
      return await OpenFile.create(path);
    } catch (error) {
      if (!hasErrno(error, 'ENOENT')) throw error;
      await mkdir(this.folder, { recursive: true, mode: 0o700 });
      return OpenFile.create(path);
    }
  }

  async #isAbandoned(name: string): Promise<boolean> {
    if (name.startsWith(OWN_PREFIX)) return false;
    const [machine, pid] = name.split('-');
    if (machine === MACHINE && !isAlive(Number(pid))) return true;
    const lastWrite = (await unlessMissing(lstat(join(this.folder, name))))?.mtimeMs;
    if (lastWrite === undefined) return false;
    // Our own pid was somebody else's before: in a container every first process has the same one.
    if (machine === MACHINE && Number(pid) === process.pid)
      return lastWrite < Date.now() - process.uptime() * 1000;
    return machine !== MACHINE && lastWrite < Date.now() - ABANDONED_AFTER_MS;
  }
}

/** Takes the file over. */
function stagedFile(path: string, file: OpenFile, stats: BigIntStats): StagedFile {
  const synced = syncAndClose(file);
  // Whoever uses the file awaits it and is told; this keeps a failure quiet when nobody gets that far.
  const settled = synced.catch(() => {});
  const dispose = () => settled.then(() => void unlinkIfThere(path));
  return { path, stats, synced, [Symbol.asyncDispose]: dispose };
}

async function syncAndClose(file: OpenFile): Promise<void> {
  using _closing = file;
  await file.sync();
}

async function writeBody(
  file: OpenFile,
  body: Uint8Array | Readable,
  { maxBytes = Number.POSITIVE_INFINITY, signal, context }: StageOptions,
): Promise<void> {
  if (!(body instanceof Readable)) {
    if (body.length > maxBytes) throw tooLarge(maxBytes, context);
    return file.write(body);
  }
  let sizeBytes = 0;
  for await (const chunk of readSource(body, signal)) {
    sizeBytes += chunk.length;
    if (sizeBytes > maxBytes) throw tooLarge(maxBytes, context);
    await file.write(chunk);
  }
}

/** Behind the body, which is written. */
async function writeFacts(
  file: OpenFile,
  body: Uint8Array | Readable,
  { factsOf }: StageOptions,
): Promise<void> {
  const [start, end] =
    body instanceof Readable ? await readEnds(file) : [Buffer.from(body.subarray(0, SNIFFED_BYTES)), body];
  const facts = factsOf(start) ?? (endsLikeFacts(end) ? {} : undefined);
  if (facts !== undefined) await file.write(encodeFacts(facts));
}

async function readEnds(file: OpenFile): Promise<[start: Buffer, end: Buffer]> {
  const sizeBytes = Number(file.stat().size);
  return [await file.readStart(SNIFFED_BYTES), file.readEnd(sizeBytes, FOOTER_BYTES)];
}

async function* readSource(source: Readable, signal: AbortSignal | undefined): AsyncGenerator<Buffer> {
  const abort = () => source.destroy(signal?.reason);
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    for await (const chunk of source) yield Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk);
  } catch (error) {
    throw new SourceError(error);
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/**
 * Sets the modification time by hand, to the microsecond: with size and inode it makes the etag. The kernel's own stamps
 * move every few milliseconds only, and inodes are used again, so two versions of an object could look the same.
 */
export function stamp(file: OpenFile, after = 0n): BigIntStats {
  file.setTimes(Number(nextStampUs(after)) / 1e6);
  return file.stat();
}

/** Microseconds since the epoch: now, but later than `afterNs` and than every stamp before. */
function nextStampUs(afterNs: bigint): bigint {
  const nowUs = BigInt(Date.now()) * 1000n + ((process.hrtime.bigint() / 1000n) % 1000n);
  // Two more, since the time passes through a float of seconds on its way to the disk.
  const candidates = [nowUs, lastStampUs + 1n, afterNs / 1000n + 2n];
  lastStampUs = candidates.reduce((latest, stamp) => (stamp > latest ? stamp : latest));
  return lastStampUs;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !hasErrno(error, 'ESRCH');
  }
}
