import type { BigIntStats, Dirent } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { unlessMissing } from './file-errors.ts';
import { decodeName, encodeFolders, encodeKey, joinPath, keyFromBytes, keyToBytes } from './key-encoding.ts';

/** So many files are looked at together: enough to keep the disk busy, few to waste when the reader stops. */
const STATS_AT_ONCE = 32;

export interface ListedFile {
  readonly key: string;
  readonly path: string;
  readonly stats: BigIntStats;
}

export interface ListBounds {
  readonly prefix: string;
  readonly startAfter: string | undefined;
}

/** An entry of a folder. `bytes` is the key up to here, as a binary string, with the slash if it is a folder. */
interface Entry {
  readonly bytes: string;
  readonly path: string;
  readonly isFolder: boolean;
}

/**
 * The objects below `root`, in the byte order of their keys. One folder's names are in memory at a time (and those of
 * the folders above it); files are looked at when their turn comes. Files that no key encodes to are passed over.
 */
export async function* listFolder(root: string, bounds: ListBounds): AsyncGenerator<ListedFile> {
  const lastSlash = bounds.prefix.lastIndexOf('/');
  const parents = lastSlash < 0 ? [] : bounds.prefix.slice(0, lastSlash).split('/');
  const start = {
    bytes: keyToBytes(bounds.prefix.slice(0, lastSlash + 1)),
    path: join(root, ...encodeFolders(parents)),
    isFolder: true,
  };
  const wanted = {
    prefix: keyToBytes(bounds.prefix),
    after: bounds.startAfter === undefined ? undefined : keyToBytes(bounds.startAfter),
  };
  let batch: Entry[] = [];
  for await (const file of walk(start, wanted)) {
    batch.push(file);
    if (batch.length < STATS_AT_ONCE) continue;
    yield* await look(root, batch);
    batch = [];
  }
  yield* await look(root, batch);
}

interface Wanted {
  readonly prefix: string;
  readonly after: string | undefined;
}

async function* walk(folder: Entry, wanted: Wanted): AsyncGenerator<Entry> {
  const entries = (await readEntries(folder.path, folder.bytes)).filter((entry) => isWanted(entry, wanted));
  entries.sort((a, b) => (a.bytes < b.bytes ? -1 : 1));
  for (const entry of entries) {
    if (entry.isFolder) yield* walk(entry, wanted);
    else yield entry;
  }
}

/** The folder's entries; names that go on in a folder of their own are followed to their ends. */
async function readEntries(path: string, bytes: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const dirent of (await unlessMissing(readdir(path, { withFileTypes: true }))) ?? []) {
    const decoded = decodeEntry(dirent);
    if (decoded === undefined) continue;
    const inside = join(path, dirent.name);
    if (decoded.kind === 'continuation') {
      entries.push(...(await readEntries(inside, bytes + decoded.bytes)));
    } else {
      const isFolder = decoded.kind === 'folder';
      entries.push({ bytes: `${bytes}${decoded.bytes}${isFolder ? '/' : ''}`, path: inside, isFolder });
    }
  }
  return entries;
}

function decodeEntry(dirent: Dirent) {
  if (dirent.isDirectory()) return decodeName(dirent.name, true);
  return dirent.isFile() ? decodeName(dirent.name, false) : undefined;
}

function isWanted({ bytes, isFolder }: Entry, { prefix, after }: Wanted): boolean {
  const fitsPrefix = bytes.startsWith(prefix) || (isFolder && prefix.startsWith(bytes));
  const fitsAfter = after === undefined || bytes > after || (isFolder && after.startsWith(bytes));
  return fitsPrefix && fitsAfter;
}

async function look(root: string, entries: readonly Entry[]): Promise<ListedFile[]> {
  const files = await Promise.all(
    entries.map(async ({ bytes, path }) => {
      const key = keyFromBytes(bytes);
      // What is not where its key would be put (a name that people made up) could be listed but never read.
      if (key === undefined || join(root, joinPath(encodeKey(key))) !== path) return [];
      const stats = await unlessMissing(lstat(path, { bigint: true }));
      return stats?.isFile() ? [{ key, path, stats }] : [];
    }),
  );
  return files.flat();
}
