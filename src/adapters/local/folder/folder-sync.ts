import { type BigIntStats, constants } from 'node:fs';
import { mkdir, rmdir } from 'node:fs/promises';
import { dirname, sep } from 'node:path';
import { setImmediate as othersTurn } from 'node:timers/promises';

import { diskPace } from './disk-pace.ts';
import { hasErrno } from './file-errors.ts';
import { OpenFile } from './open-file.ts';

/** More folders than this are forgotten and synced once more. */
const MOST_REMEMBERED = 10_000;
/** How often a folder may vanish between making it and writing into it before we give up. */
const MOST_ATTEMPTS = 100;

/**
 * Folders whose entries survive a power cut.
 *
 * A file is durable when it, the folder that names it, and every folder above are synced. Folders above are synced
 * once per process and folder (known by inode: one that was deleted and made again counts as new). Syncs of one folder
 * that are asked for while one is running share the next: with many writers a sync serves them all.
 */
export class FolderSync {
  readonly #root: string;
  readonly #durable = new Map<string, bigint>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #next = new Map<string, Promise<void>>();

  constructor(root: string) {
    this.#root = root;
  }

  /** Runs `write`, and makes the folder first if it is missing, also when somebody removes it in between. */
  async inFolder<T>(folder: string, write: () => T | Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await write();
      } catch (error) {
        if (!hasErrno(error, 'ENOENT') || attempt === MOST_ATTEMPTS) throw error;
        await this.#make(folder);
      }
    }
  }

  /** Resolves when everything that was written into the folder before this call is durable. */
  sync(folder: string): Promise<void> {
    const next = this.#next.get(folder);
    if (next !== undefined) return next;
    const running = this.#running.get(folder);
    // A sync that nobody sees running is shared with those who ask in the same turn of the event loop.
    const begin = running ?? (diskPace.isQuick ? othersTurn() : undefined);
    if (begin === undefined) return this.#start(folder);
    const start = () => this.#start(folder);
    const queued = begin.then(start, start);
    this.#next.set(folder, queued);
    return queued;
  }

  /** Removes the folder and those above it while they are empty, up to but without `top`. */
  async removeEmpty(folder: string, top: string): Promise<void> {
    for (let path = folder; path.startsWith(top + sep); path = dirname(path)) {
      try {
        await rmdir(path);
        this.#durable.delete(path);
      } catch (error) {
        if (hasErrno(error, 'ENOENT')) continue;
        // Not empty, which systems call by different names.
        if (hasErrno(error, 'ENOTEMPTY', 'EEXIST', 'EBUSY')) return;
        throw error;
      }
    }
  }

  async #make(folder: string): Promise<void> {
    // Pictures of people are nobody else's business.
    const first = await mkdir(folder, { recursive: true, mode: 0o700 });
    const isAboveRoot = first !== undefined && !first.startsWith(this.#root + sep);
    if (isAboveRoot)
      for (const path of pathsBetween(dirname(first), dirname(this.#root))) await syncFile(path);
  }

  #start(folder: string): Promise<void> {
    this.#next.delete(folder);
    const running = this.#syncWithAncestors(folder).finally(() => this.#running.delete(folder));
    this.#running.set(folder, running);
    return running;
  }

  async #syncWithAncestors(folder: string): Promise<void> {
    const stats = await syncFile(folder);
    if (stats === undefined) {
      this.#durable.delete(folder);
      return;
    }
    if (folder === this.#root || this.#durable.get(folder) === stats.ino) return;
    await this.sync(dirname(folder));
    if (this.#durable.size >= MOST_REMEMBERED) this.#durable.clear();
    this.#durable.set(folder, stats.ino);
  }
}

/** Undefined when the folder is gone: then what was in it was deleted, and there is nothing to keep. */
async function syncFile(path: string): Promise<BigIntStats | undefined> {
  try {
    using folder = OpenFile.open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    await folder.sync();
    return folder.stat();
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function pathsBetween(top: string, bottom: string): string[] {
  const paths: string[] = [];
  for (let path = bottom; path.length >= top.length; path = dirname(path)) {
    paths.push(path);
    if (path === top) break;
  }
  return paths;
}
