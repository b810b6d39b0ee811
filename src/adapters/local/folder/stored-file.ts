import { type BigIntStats, constants } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { Readable } from 'node:stream';

import { type ErrorContext, UnavailableError } from '../../../errors.ts';
import type { ObjectInfo, StoredObject } from '../../../ports/object-store.ts';
import { DEFAULT_LIMIT_BYTES, tooLarge } from '../../object-rules.ts';
import { contentTypeOfKey, guessContentType, SNIFFED_BYTES } from './content-type.ts';
import { fromFileSystem, hasErrno, unlessMissing } from './file-errors.ts';
import { factsOf, type Sidecar } from './sidecar.ts';

/** Links that people put into the folder are not followed, and a pipe doesn't block. */
const READ_PLAIN_FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const MOST_ATTEMPTS = 100;
/** Bodies up to this size are read at once, so that nobody can forget to close them. */
const EAGER_BYTES = 64 * 1024;

/** One version of an object, open: what it says of itself stays true while others replace the object. */
export interface OpenVersion {
  readonly handle: FileHandle;
  readonly info: ObjectInfo;
}

export interface ReadSource {
  readonly key: string;
  readonly path: string;
  readonly readSidecar: () => Promise<Sidecar>;
  readonly context: ErrorContext;
}

export function etagOf(stats: BigIntStats): string {
  return `"${[stats.ino, stats.size, stats.mtimeNs].map((part) => part.toString(36)).join('-')}"`;
}

export function lastModifiedOf(stats: BigIntStats): Date {
  return new Date(Number(stats.mtimeMs));
}

/** Size, inode and time of what is there now; undefined when it is no plain file. */
export async function statFile(path: string): Promise<BigIntStats | undefined> {
  const stats = await unlessMissing(lstat(path, { bigint: true }));
  return stats?.isFile() ? stats : undefined;
}

/** Undefined when there is no such object. The caller closes the handle. */
export async function openVersion(source: ReadSource): Promise<OpenVersion | undefined> {
  for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
    const handle = await openPlainFile(source.path);
    if (handle === undefined) return undefined;
    const info = await describe(handle, source).catch(async (error: unknown) => {
      await handle.close();
      throw error;
    });
    if (info !== undefined) return { handle, info };
    await handle.close();
  }
  throw new UnavailableError('the object was replaced each time it was opened', { context: source.context });
}

/** Takes the handle over: it is closed when the body has been read or the stream destroyed. */
export async function storedObject(version: OpenVersion, context: ErrorContext): Promise<StoredObject> {
  const { handle, info } = version;
  if (info.sizeBytes > EAGER_BYTES) return openObject(version, context);
  await using _closing = handle;
  const body = await readExactly(handle, info.sizeBytes);
  return {
    info,
    bytes: async (limitBytes = DEFAULT_LIMIT_BYTES) => {
      if (body.length > limitBytes) throw tooLarge(limitBytes, context);
      return body;
    },
    stream: () => Readable.from(body.length === 0 ? [] : [body], { objectMode: false }),
  };
}

function openObject({ handle, info }: OpenVersion, context: ErrorContext): StoredObject {
  return {
    info,
    bytes: async (limitBytes = DEFAULT_LIMIT_BYTES) => {
      await using _closing = handle;
      if (info.sizeBytes > limitBytes) throw tooLarge(limitBytes, context);
      try {
        return await readExactly(handle, info.sizeBytes);
      } catch (error) {
        throw fromFileSystem(error, context);
      }
    },
    stream: () => handle.createReadStream({ start: 0, end: info.sizeBytes - 1 }),
  };
}

async function openPlainFile(path: string): Promise<FileHandle | undefined> {
  try {
    const handle = await open(path, READ_PLAIN_FILE);
    if ((await handle.stat()).isFile()) return handle;
    await handle.close();
  } catch (error) {
    // A link, a socket: left there by people.
    if (!hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO')) throw error;
  }
  return undefined;
}

/** Undefined when the version was replaced before its facts could be read. */
async function describe(handle: FileHandle, source: ReadSource): Promise<ObjectInfo | undefined> {
  const stats = await handle.stat({ bigint: true });
  const facts = factsOf(await source.readSidecar(), stats);
  if (facts === undefined) {
    // No facts: either it has none, or a later put has dropped them meanwhile.
    const now = await statFile(source.path);
    if (now === undefined || etagOf(now) !== etagOf(stats)) return undefined;
  }
  return {
    key: source.key,
    etag: etagOf(stats),
    sizeBytes: Number(stats.size),
    lastModified: lastModifiedOf(stats),
    contentType: facts?.contentType ?? (await sniff(handle, source.key)),
    metadata: facts?.metadata ?? {},
  };
}

async function sniff(handle: FileHandle, key: string): Promise<string> {
  return contentTypeOfKey(key) ?? guessContentType(key, await readExactly(handle, SNIFFED_BYTES));
}

/** Fewer bytes only when the file is shorter. */
async function readExactly(handle: FileHandle, sizeBytes: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(sizeBytes);
  let filled = 0;
  while (filled < sizeBytes) {
    const { bytesRead } = await handle.read(buffer, filled, sizeBytes - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
