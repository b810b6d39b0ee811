import { type BigIntStats, constants, createReadStream, lstatSync } from 'node:fs';
import { Readable } from 'node:stream';

import { setImmediate as othersTurn } from 'node:timers/promises';

import type { ErrorContext } from '../../../errors.ts';
import type { ObjectInfo, StoredObject } from '../../../ports/object-store.ts';
import { DEFAULT_LIMIT_BYTES, tooLarge } from '../../object-rules.ts';
import { type BodyFacts, decodeFacts, FOOTER_BYTES, type FoundFacts, TAIL_BYTES } from './body-facts.ts';
import { contentTypeOfKey, guessContentType, SNIFFED_BYTES } from './content-type.ts';
import { fromFileSystem, hasErrno, quicklyUnlessMissing } from './file-errors.ts';
import { OpenFile } from './open-file.ts';

/** Links that people put into the folder are not followed, and a pipe doesn't block. */
const READ_PLAIN_FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** Bodies up to this size are read at once, so that nobody can forget to close them. */
const EAGER_BYTES = 64 * 1024;
/** So long reads may follow upon each other before everybody else has a turn. */
const TURN_MS = 2;

/** One version of an object, open: what it says of itself stays true while others replace the object. */
export interface OpenVersion {
  readonly file: OpenFile;
  readonly info: ObjectInfo;
  /** The body, where it was read with its facts. */
  readonly body?: Buffer;
}

export interface ReadSource {
  readonly key: string;
  readonly path: string;
  /** Facts that release 0.1 kept in a file beside the body. */
  readonly oldFacts: (stats: BigIntStats) => BodyFacts | undefined;
}

export function etagOf(stats: BigIntStats): string {
  return `"${[stats.ino, stats.size, stats.mtimeNs].map((part) => part.toString(36)).join('-')}"`;
}

export function lastModifiedOf(stats: BigIntStats): Date {
  return new Date(Number(stats.mtimeMs));
}

/** Size, inode and time of what is there now; undefined when it is no plain file. */
export function statFile(path: string): BigIntStats | undefined {
  const stats = quicklyUnlessMissing(() => lstatSync(path, { bigint: true, throwIfNoEntry: false }));
  return stats?.isFile() ? stats : undefined;
}

/** Undefined when there is no such object. The caller closes the handle. */
export async function openVersion(
  source: ReadSource,
  { wantsBody }: { wantsBody: boolean },
): Promise<OpenVersion | undefined> {
  await letOthersRun();
  const file = openPlainFile(source.path);
  if (file === undefined) return undefined;
  using closing = new DisposableStack();
  closing.use(file);
  const stats = file.stat();
  const fileBytes = Number(stats.size);
  const whole = wantsBody && fileBytes <= EAGER_BYTES ? await file.readStart(fileBytes) : undefined;
  const { facts, sizeBytes } = findFacts(file, fileBytes, whole) ?? {
    facts: source.oldFacts(stats),
    sizeBytes: fileBytes,
  };
  const info: ObjectInfo = {
    key: source.key,
    etag: etagOf(stats),
    sizeBytes,
    lastModified: lastModifiedOf(stats),
    contentType: facts?.contentType ?? (await sniff(file, source.key, sizeBytes)),
    metadata: facts?.metadata ?? {},
  };
  closing.move();
  return { file, info, ...(whole && { body: whole.subarray(0, sizeBytes) }) };
}

/** Takes the handle over: it is closed when the body has been read or the stream destroyed. */
export function storedObject({ file, info, body }: OpenVersion, context: ErrorContext): StoredObject {
  if (body === undefined) return openObject({ file, info }, context);
  file[Symbol.dispose]();
  return {
    info,
    bytes: async (limitBytes = DEFAULT_LIMIT_BYTES) => {
      if (body.length > limitBytes) throw tooLarge(limitBytes, context);
      return body;
    },
    stream: () => Readable.from(body.length === 0 ? [] : [body], { objectMode: false }),
  };
}

/** How long the body in a file of this size is. Undefined when the file is gone. */
export function bodySizeOf(path: string, fileBytes: number): number | undefined {
  if (fileBytes < FOOTER_BYTES) return fileBytes;
  using file = openPlainFile(path);
  return file && (findFacts(file, fileBytes, undefined)?.sizeBytes ?? fileBytes);
}

let lastTurnAt = 0;

/** Nothing here waits for the disk, and who reads a thousand objects in a row must not starve everybody else. */
async function letOthersRun(): Promise<void> {
  if (performance.now() - lastTurnAt < TURN_MS) return;
  await othersTurn();
  lastTurnAt = performance.now();
}

function findFacts(file: OpenFile, fileBytes: number, whole: Buffer | undefined): FoundFacts | undefined {
  const found = decodeFacts(whole ?? file.readEnd(fileBytes, TAIL_BYTES), fileBytes);
  if (typeof found !== 'number') return found;
  const again = decodeFacts(file.readEnd(fileBytes, found), fileBytes);
  return typeof again === 'number' ? undefined : again;
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
    // Workers ask for gallery entries that nobody has written yet; looking costs a tenth of an error that is thrown.
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
    const file = OpenFile.open(path, READ_PLAIN_FILE);
    if (file.stat().isFile()) return file;
    file[Symbol.dispose]();
  } catch (error) {
    // A link, a socket: left there by people.
    if (!hasErrno(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO')) throw error;
  }
  return undefined;
}

async function sniff(file: OpenFile, key: string, bodyBytes: number): Promise<string> {
  const known = contentTypeOfKey(key);
  return known ?? guessContentType(key, await file.readStart(Math.min(bodyBytes, SNIFFED_BYTES)));
}
