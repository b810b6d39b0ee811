import { PreconditionFailedError } from '../errors.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { scrubbedEntry } from './entry.ts';
import { GalleryFollower } from './follower.ts';
import { DEFAULT_GALLERY, type GalleryKeys, galleryKeys, sequenceOf } from './keys.ts';
import {
  MANIFEST_VERSION,
  type Manifest,
  type ReadManifest,
  readManifest,
  swapManifest,
} from './manifest.ts';
import { writeSegments } from './segment.ts';

/** What a base replaced stays this long, for readers that are on their way. */
const KEPT_MILLISECONDS = 10 * 60_000;
/** A log this much longer than its base is folded. */
export const LONG_LOG_ENTRIES = 256;

export interface CompactionOptions {
  readonly state: ObjectStore;
  readonly clock: Clock;
  readonly name?: string;
  /** Fold a log of at least so many entries; default 256. 1 folds whatever is there. */
  readonly minEntries?: number;
}

export interface CompactionReport {
  /** Sequence of the base that now stands; 0 when there is none. */
  readonly baseSequence: number;
  readonly folded: number;
  readonly deletedObjects: number;
}

/**
 * Housekeeping of one gallery: folds a long log into a new base and deletes what was replaced more than ten minutes
 * ago. Any number of processes may do it at once: one of them wins. Cheap when there is nothing to do.
 */
export async function compactGallery(options: CompactionOptions): Promise<CompactionReport> {
  const { state: store, clock, name = DEFAULT_GALLERY, minEntries = LONG_LOG_ENTRIES } = options;
  const keys = galleryKeys(name);
  const before = await readManifest(store, keys.manifest);
  const pending = await countEntries(store, keys, before?.manifest.sequence ?? 0);
  const folded = pending >= minEntries ? await fold(store, keys, clock) : undefined;
  const current = folded ?? before;
  const deletedObjects = current === undefined ? 0 : await collect(store, keys, clock, current);
  return {
    baseSequence: current?.manifest.sequence ?? 0,
    folded: folded === undefined ? 0 : folded.manifest.sequence - (before?.manifest.sequence ?? 0),
    deletedObjects,
  };
}

/**
 * Writes a base that holds all entries of now and swaps the manifest to it. When another compaction wins with a base
 * that holds `atLeast` as well, its manifest is returned; with a lesser one it is tried again.
 */
export async function fold(
  store: ObjectStore,
  keys: GalleryKeys,
  clock: Clock,
  atLeast = 0,
): Promise<ReadManifest> {
  for (;;) {
    const before = await readManifest(store, keys.manifest);
    if (before !== undefined && atLeast > 0 && before.manifest.sequence >= atLeast) return before;
    const follower = new GalleryFollower({ store, keys, packs: 'all' });
    const sequence = await follower.refresh();
    if (before !== undefined && sequence <= before.manifest.sequence) return before;
    const segments = await writeSegments(store, keys, follower.state, { sequence, now: clock.now() });
    const folds = [...(before?.manifest.folds ?? []), { sequence, at: clock.now() }];
    const floor = before?.manifest.floor ?? 0;
    const manifest: Manifest = { version: MANIFEST_VERSION, ...segments, floor, folds };
    try {
      return await swapManifest(store, keys.manifest, manifest, before);
    } catch (error) {
      for (const key of [segments.roster, ...segments.packs.map((pack) => pack.key)]) await store.delete(key);
      if (!(error instanceof PreconditionFailedError)) throw error;
    }
  }
}

/**
 * Empties, but for the last, the entries that the base holds, and deletes every earlier segment, at once: what was erased
 * may be in any of them. The entries keep their numbers until they are collected.
 */
export async function scrub(
  store: ObjectStore,
  keys: GalleryKeys,
  base: Manifest,
  last: number,
): Promise<void> {
  for await (const { key } of store.list({ prefix: keys.logPrefix })) {
    const sequence = sequenceOf(key);
    if (sequence >= last) break;
    if (sequence > base.floor) {
      await store.put(key, scrubbedEntry());
      await store.forgetVersions(key);
    } else {
      await store.delete(key);
    }
  }
  for await (const { key } of store.list({ prefix: keys.segmentPrefix })) {
    // Nothing that names an earlier sequence can become a base any more; a later one may be about to.
    if (sequenceOf(key) >= last) break;
    await store.delete(key);
  }
}

/** Raises the floor to what was folded more than ten minutes ago, then deletes below it. */
async function collect(
  store: ObjectStore,
  keys: GalleryKeys,
  clock: Clock,
  current: ReadManifest,
): Promise<number> {
  const { manifest } = current;
  const old = manifest.folds.findLast((one) => one.at <= clock.now() - KEPT_MILLISECONDS);
  if (old === undefined) return 0;
  if (old.sequence > manifest.floor) {
    const folds = manifest.folds.filter((one) => one.sequence >= old.sequence);
    try {
      await swapManifest(store, keys.manifest, { ...manifest, floor: old.sequence, folds }, current);
    } catch (error) {
      if (error instanceof PreconditionFailedError) return 0;
      throw error;
    }
  }
  return (
    (await deleteWhile(store, keys.logPrefix, (sequence) => sequence <= old.sequence)) +
    (await deleteWhile(store, keys.segmentPrefix, (sequence) => sequence < old.sequence))
  );
}

async function deleteWhile(
  store: ObjectStore,
  prefix: string,
  isOld: (sequence: number) => boolean,
): Promise<number> {
  let deleted = 0;
  for await (const { key } of store.list({ prefix })) {
    if (!isOld(sequenceOf(key))) break;
    await store.delete(key);
    deleted++;
  }
  return deleted;
}

async function countEntries(store: ObjectStore, keys: GalleryKeys, after: number): Promise<number> {
  let count = 0;
  for await (const _ of store.list({ prefix: keys.logPrefix, startAfter: keys.log(after) })) count++;
  return count;
}
