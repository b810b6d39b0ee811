import { createHash } from 'node:crypto';
import { type BigIntStats, linkSync, renameSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';

import { type ErrorContext, PreconditionFailedError } from '../../errors.ts';
import type {
  ObjectEntry,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  StoredObject,
} from '../../ports/object-store.ts';
import { checkKey, checkPutOptions } from '../object-rules.ts';
import type { BodyFacts } from './folder/body-facts.ts';
import { guessContentType } from './folder/content-type.ts';
import { fromFileSystem, hasErrno, unlinkIfThere } from './folder/file-errors.ts';
import { FolderSync } from './folder/folder-sync.ts';
import { encodeKey, joinPath } from './folder/key-encoding.ts';
import { listFolder } from './folder/listing.ts';
import { OldSidecars } from './folder/old-sidecars.ts';
import { OpenFile } from './folder/open-file.ts';
import { SourceError, type StagedFile, Staging, stamp } from './folder/staging.ts';
import {
  bodySizeOf,
  etagOf,
  lastModifiedOf,
  openVersion,
  statFile,
  storedObject,
} from './folder/stored-file.ts';
import { sweepAbandoned } from './folder/sweep.ts';

/** Runs `work` while nobody else, in any process, holds the lock of this name. */
export type WithLock = <T>(name: string, work: () => Promise<T>) => Promise<T>;

export interface FolderObjectStoreOptions {
  readonly bucket: string;
  /** Made when the first object is put. */
  readonly folder: string;
  readonly withLock: WithLock;
  /** Whether the disk has hard links; found out at the first refusal. */
  readonly hasLinks?: boolean;
}

/** Where one object lies. */
interface Place {
  readonly key: string;
  readonly path: string;
  readonly context: ErrorContext;
}

/** Systems without hard links, or that refuse them here. */
const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV'];

/**
 * A bucket as a folder: bodies are files, named after their keys (`key-encoding.ts`), that people can look at, copy, and drop
 * in by hand. Metadata, and a content type that one wouldn't guess, stand behind the body in the same file (`body-facts.ts`).
 *
 * A put writes and syncs a temporary file in `.tmp`, then gives it its name: by a hard link when the key is new, which fails if
 * somebody was faster, so creating needs no lock. Whoever replaces or deletes an object holds the key's lock. So
 * under the lock an object stays as it is, and a missing one can only appear.
 */
export class FolderObjectStore implements ObjectStore {
  readonly bucket: string;
  readonly #root: string;
  readonly #withLock: WithLock;
  readonly #folders: FolderSync;
  readonly #staging: Staging;
  readonly #oldSidecars: OldSidecars;
  #swept: Promise<void> | undefined;
  #hasLinks: boolean;

  constructor({ bucket, folder, withLock, hasLinks = true }: FolderObjectStoreOptions) {
    this.bucket = bucket;
    this.#root = resolve(folder);
    this.#withLock = withLock;
    this.#hasLinks = hasLinks;
    this.#folders = new FolderSync(this.#root);
    this.#staging = new Staging(join(this.#root, '.tmp'));
    this.#oldSidecars = new OldSidecars(this.#root, this.#folders);
  }

  async put(key: string, body: Uint8Array | Readable, options: PutOptions = {}): Promise<{ etag: string }> {
    // A stream may fail while we wait for something else; reading it will tell.
    if (body instanceof Readable) body.on('error', () => {});
    try {
      const place = this.#place(key);
      checkPutOptions(options, body instanceof Readable, place.context);
      return await this.#reporting(place.context, () => this.#put(place, body, options));
    } catch (error) {
      if (body instanceof Readable) body.destroy();
      throw error instanceof SourceError ? error.error : error;
    }
  }

  async get(key: string, options: { signal?: AbortSignal } = {}): Promise<StoredObject | undefined> {
    const place = this.#place(key);
    return this.#reporting(place.context, async () => {
      options.signal?.throwIfAborted();
      const version = await this.#open(place, { wantsBody: true });
      return version && storedObject(version, place.context);
    });
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    const place = this.#place(key);
    return this.#reporting(place.context, async () => {
      const version = await this.#open(place, { wantsBody: false });
      version?.file[Symbol.dispose]();
      return version?.info;
    });
  }

  async delete(key: string): Promise<void> {
    const place = this.#place(key);
    await this.#reporting(place.context, async () => {
      await this.#sweepOnce();
      if (statFile(place.path) === undefined) return;
      await this.#withLock(this.#lockName(key), () => this.#delete(place));
    });
  }

  /** A folder keeps none. */
  async forgetVersions(key: string): Promise<void> {
    this.#place(key);
  }

  async *list(options: { prefix?: string; startAfter?: string } = {}): AsyncGenerator<ObjectEntry> {
    const { prefix = '', startAfter } = options;
    try {
      for await (const { key, path, stats } of listFolder(this.#root, { prefix, startAfter })) {
        const sizeBytes = bodySizeOf(path, Number(stats.size));
        if (sizeBytes === undefined) continue;
        yield { key, etag: etagOf(stats), sizeBytes, lastModified: lastModifiedOf(stats) };
      }
    } catch (error) {
      throw fromFileSystem(error, { bucket: this.bucket, prefix, folder: this.#root });
    }
  }

  async #put(place: Place, body: Uint8Array | Readable, options: PutOptions): Promise<{ etag: string }> {
    const { signal, maxBytes } = options;
    signal?.throwIfAborted();
    await this.#sweepOnce();
    if (isBareMark(body, options)) {
      const stats = await this.#createEmpty(place.path);
      if (stats !== undefined) return { etag: etagOf(stats) };
    }
    const factsOf = (firstBytes: Buffer) => unguessable(place.key, firstBytes, options);
    const { context } = place;
    await using staged = await this.#staging.stage(body, { maxBytes, signal, factsOf, context });
    signal?.throwIfAborted();
    if (options.ifMatch === undefined) {
      if (await this.#create(staged, place.path)) return { etag: etagOf(staged.stats) };
      if (options.ifNoneMatch !== undefined && this.#hasLinks) throw this.#exists(place);
    }
    return await this.#withLock(this.#lockName(place.key), async () => {
      signal?.throwIfAborted();
      return { etag: await this.#putLocked(place, staged, options) };
    });
  }

  /** Gives the staged file its name if that is free. Never overwrites. */
  async #create(staged: StagedFile, path: string): Promise<boolean> {
    if (!this.#hasLinks) return false;
    await staged.synced;
    const folder = dirname(path);
    try {
      await this.#folders.inFolder(folder, () => linkSync(staged.path, path));
    } catch (error) {
      if (hasErrno(error, ...NO_LINKS)) this.#hasLinks = false;
      else if (!hasErrno(error, 'EEXIST')) throw error;
      return false;
    }
    await this.#folders.sync(folder);
    return true;
  }

  /** An empty file is whole as soon as it is there, so it needs no temporary name. Undefined when the key is taken. */
  async #createEmpty(path: string): Promise<BigIntStats | undefined> {
    const folder = dirname(path);
    try {
      const stats = await this.#folders.inFolder(folder, async () => {
        using file = await OpenFile.create(path);
        return stamp(file);
      });
      await this.#folders.sync(folder);
      return stats;
    } catch (error) {
      if (hasErrno(error, 'EEXIST')) return undefined;
      throw error;
    }
  }

  async #putLocked(place: Place, first: StagedFile, options: PutOptions): Promise<string> {
    let staged = first;
    for (;;) {
      const current = statFile(place.path);
      this.#checkConditions(place, current, options);
      if (current !== undefined && current.mtimeNs >= staged.stats.mtimeNs) {
        staged = await this.#staging.restamp(staged, current.mtimeNs);
      }
      if (await this.#putInPlace(place, staged, current)) return etagOf(staged.stats);
    }
  }

  /** False when the key was free but somebody without a lock has created it meanwhile. */
  async #putInPlace(place: Place, staged: StagedFile, current: BigIntStats | undefined): Promise<boolean> {
    if (current === undefined && this.#hasLinks) return this.#create(staged, place.path);
    await staged.synced;
    const folder = dirname(place.path);
    await this.#folders.inFolder(folder, () => renameSync(staged.path, place.path));
    await this.#folders.sync(folder);
    await this.#oldSidecars.remove(place.path);
    return true;
  }

  async #delete({ path }: Place): Promise<void> {
    const wasThere = unlinkIfThere(path);
    if (wasThere) await this.#folders.sync(dirname(path));
    await this.#oldSidecars.remove(path);
    await this.#folders.removeEmpty(dirname(path), this.#root);
  }

  #checkConditions(place: Place, current: BigIntStats | undefined, options: PutOptions): void {
    if (options.ifNoneMatch !== undefined && current !== undefined) throw this.#exists(place);
    const etag = current && etagOf(current);
    if (options.ifMatch !== undefined && options.ifMatch !== etag) {
      throw new PreconditionFailedError(
        `the object ${etag === undefined ? 'is gone' : `is version ${etag}`}, expected version ${options.ifMatch}`,
        { context: place.context },
      );
    }
  }

  #exists({ context }: Place): PreconditionFailedError {
    return new PreconditionFailedError('the object exists already', { context });
  }

  #open({ key, path, context }: Place, options: { wantsBody: boolean }) {
    const oldFacts = (stats: BigIntStats) => this.#oldSidecars.read(path, stats, context);
    return openVersion({ key, path, oldFacts }, options);
  }

  /** Once per store, before its first change; after a failure the next change tries again. */
  #sweepOnce(): Promise<void> {
    this.#swept ??= sweepAbandoned(this.#staging).catch((error: unknown) => {
      this.#swept = undefined;
      throw error;
    });
    return this.#swept;
  }

  #place(key: string): Place {
    checkKey(key, this.bucket);
    const context = { bucket: this.bucket, key };
    return { key, path: join(this.#root, joinPath(encodeKey(key))), context };
  }

  #lockName(key: string): string {
    return `object/${this.bucket}/${createHash('sha256').update(key).digest('hex')}`;
  }

  async #reporting<T>(context: ErrorContext, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw fromFileSystem(error, { ...context, folder: this.#root });
    }
  }
}

/** An empty object that says nothing but that it is there, as an entry of an index does. */
function isBareMark(body: Uint8Array | Readable, { contentType, metadata, ifMatch }: PutOptions): boolean {
  const isEmpty = !(body instanceof Readable) && body.length === 0;
  return isEmpty && contentType === undefined && metadata === undefined && ifMatch === undefined;
}

/** What must be written down behind the body, if anything. */
function unguessable(key: string, firstBytes: Buffer, options: PutOptions): BodyFacts | undefined {
  const { contentType, metadata } = options;
  const hasMetadata = metadata !== undefined && Object.keys(metadata).length > 0;
  const hasOddType = contentType !== undefined && contentType !== guessContentType(key, firstBytes);
  if (!hasMetadata && !hasOddType) return undefined;
  return { ...(hasOddType && { contentType }), ...(hasMetadata && { metadata }) };
}
