import { type BigIntStats, constants, createReadStream, lstatSync } from 'node:fs';
import { Readable } from 'node:stream';

import { setImmediate as othersTurn } from 'node:timers/promises';

import { type ErrorContext, UnavailableError } from '../../../errors.ts';
import type { ObjectInfo, StoredObject } from '../../../ports/object-store.ts';
import { DEFAULT_LIMIT_BYTES, tooLarge } from '../../object-rules.ts';
import { contentTypeOfKey, guessContentType, SNIFFED_BYTES } from './content-type.ts';
import { fromFileSystem, hasErrno, quicklyUnlessMissing } from './file-errors.ts';
import { OpenFile } from './open-file.ts';
import { factsOf, type Sidecar } from './sidecar.ts';

/** Links that people put into the folder are not followed, and a pipe doesn't block. */
const READ_PLAIN_FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const MOST_ATTEMPTS = 100;
/** Bodies up to this size are read at once, so that nobody can forget to close them. */
const EAGER_BYTES = 64 * 1024;

/** One version of an object, open: what it says of itself stays true while others replace the object. */
export interface OpenVersion {
  readonly file: OpenFile;
  readonly info: ObjectInfo;
}

export interface ReadSource {
  readonly key: string;
  readonly path: string;
  readonly readSidecar: () => Sidecar;
  readonly context: ErrorContext;
}

export function etagOf(stats: BigIntStats): string {
  return `"${[stats.ino, stats.size, stats.mtimeNs].map((part) => part.toString(36)).join('-')}"`;
}

export function lastModifiedOf(stats: BigIntStats): Date {
  return new Date(Number(stats.mtimeMs));
}

/** Size, inode and time of what is there now; undefined when it is no plain file. */
export function statFile(path: string): BigIntStats | undefined {
  const stats = quicklyUnlessMissing(() => lstatSync(path, { bigint: true }));
  return stats?.isFile() ? stats : undefined;
}

/** Undefined when there is no such object. The caller closes the handle. */
export async function openVersion(source: ReadSource): Promise<OpenVersion | undefined> {
  for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
    // Nothing below waits, and who reads a thousand objects in a row must not starve everybody else.
    await othersTurn();
    const file = openPlainFile(source.path);
    if (file === undefined) return undefined;
    using closing = new DisposableStack();
    closing.use(file);
    const info = await describe(file, source);
    if (info === undefined) continue;
    closing.move();
    return { file, info };
  }
  throw new UnavailableError('the object was replaced each time it was opened', { context: source.context });
}

/** Takes the handle over: it is closed when the body has been read or the stream destroyed. */
export async function storedObject(version: OpenVersion, context: ErrorContext): Promise<StoredObject> {
  const { file, info } = version;
  if (info.sizeBytes > EAGER_BYTES) return openObject(version, context);
  using _closing = file;
  const body = await file.readStart(info.sizeBytes);
  return {
    info,
    bytes: async (limitBytes = DEFAULT_LIMIT_BYTES) => {
      if (body.length > limitBytes) throw tooLarge(limitBytes, context);
      return body;
    },
    stream: () => Readable.from(body.length === 0 ? [] : [body], { objectMode: false }),
  };
}

function openObject({ file, info }: OpenVersion, context: ErrorContext): StoredObject {
  return {
    info,
    bytes: async (limitBytes = DEFAULT_LIMIT_BYTES) => {
      using _closing = file;
      if (info.sizeBytes > limitBytes) throw tooLarge(limitBytes, context);
      try {
        return await file.readStart(info.sizeBytes);
      } catch (error) {
        throw fromFileSystem(error, context);
      }
    },
    stream: () => createReadStream('', { fd: file.release(), start: 0, end: info.sizeBytes - 1 }),
  };
}

function openPlainFile(path: string): OpenFile | undefined {
  try {
    const file = OpenFile.open(path, READ_PLAIN_FILE);
    if (file.stat().isFile()) return file;
    file[Symbol.dispose]();
  } catch (error) {
    // A link, a socket: left there by people.
    if (!hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO')) throw error;
  }
  return undefined;
}

/** Undefined when the version was replaced before its facts could be read. */
async function describe(file: OpenFile, source: ReadSource): Promise<ObjectInfo | undefined> {
  const stats = file.stat();
  const facts = factsOf(source.readSidecar(), stats);
  if (facts === undefined) {
    // No facts: either it has none, or a later put has dropped them meanwhile.
    const now = statFile(source.path);
    if (now === undefined || etagOf(now) !== etagOf(stats)) return undefined;
  }
  return {
    key: source.key,
    etag: etagOf(stats),
    sizeBytes: Number(stats.size),
    lastModified: lastModifiedOf(stats),
    contentType: facts?.contentType ?? (await sniff(file, source.key)),
    metadata: facts?.metadata ?? {},
  };
}

async function sniff(file: OpenFile, key: string): Promise<string> {
  return contentTypeOfKey(key) ?? guessContentType(key, await file.readStart(SNIFFED_BYTES));
}
