import { FacefleetError } from '../errors.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { decodeEntry, type LogEntry } from './entry.ts';
import { GalleryState, type PackFilter } from './gallery-state.ts';
import type { GalleryKeys } from './keys.ts';
import { type ReadManifest, readManifest } from './manifest.ts';
import { readSegments } from './segment.ts';

/** Entries that are fetched at once when many are new. */
const LARGEST_WINDOW = 32;
/** An entry is a batch: nothing that we write comes near. */
const MAX_ENTRY_BYTES = 256 * 1024 * 1024;
const MAX_ATTEMPTS = 100;

export interface FollowerOptions {
  readonly store: ObjectStore;
  readonly keys: GalleryKeys;
  readonly packs: PackFilter;
  readonly observer?: GalleryObserver;
}

export interface GalleryObserver {
  /** Called right after the entry was applied. */
  onEntry(entry: LogEntry, state: GalleryState): void;
  /** Another state is about to take the place of the one before; what this resolves to is called when it does, or never. */
  prepareBase(state: GalleryState): Promise<() => void>;
}

/**
 * A copy of a gallery that is brought up to date by reading: the base that the manifest names, then every later entry.
 *
 * Entries at or below the manifest's floor are deleted, and their numbers look free again: a writer that slept could
 * fill one with an entry that means nothing. So the manifest is looked at AFTER entries were read: those above the floor
 * were genuine when they were read, and a copy whose next entry lies at or below it starts again from the base.
 */
export class GalleryFollower {
  readonly #store: ObjectStore;
  readonly #keys: GalleryKeys;
  readonly #packs: PackFilter;
  readonly #observer: GalleryObserver | undefined;
  #state: GalleryState;
  #version = 0;
  #manifest: ReadManifest | undefined;
  #running: Promise<number> | undefined;
  #next: Promise<number> | undefined;

  constructor({ store, keys, packs, observer }: FollowerOptions) {
    this.#observer = observer;
    this.#store = store;
    this.#keys = keys;
    this.#packs = packs;
    this.#state = new GalleryState(packs);
  }

  get state(): GalleryState {
    return this.#state;
  }

  /** Sequence of the last entry it holds. */
  get version(): number {
    return this.#version;
  }

  /** The manifest as it was last seen. */
  get manifest(): ReadManifest | undefined {
    return this.#manifest;
  }

  /**
   * Reads what is newer and resolves to the version it then holds: all that was written before the call. Calls while
   * a run is under way share the one after it. Nothing new costs two small reads.
   */
  refresh(): Promise<number> {
    if (this.#running === undefined) return this.#run();
    this.#next ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.refresh();
      });
    return this.#next;
  }

  /** Applies the entry that this process has just written at the next number. */
  advance(entry: LogEntry): void {
    if (entry.sequence !== this.#version + 1) return;
    this.#state.apply(entry);
    this.#version = entry.sequence;
    this.#observer?.onEntry(entry, this.#state);
  }

  /** Whether this number is at or below the floor by now: an entry written there counts for nothing. */
  async isBelowFloor(sequence: number): Promise<boolean> {
    await this.#lookAtManifest();
    return (this.#manifest?.manifest.floor ?? 0) >= sequence;
  }

  #run(): Promise<number> {
    this.#running = this.#catchUp().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #catchUp(): Promise<number> {
    if (this.#version === 0) await this.#loadBase();
    for (let attempt = 0, window = 1; attempt < MAX_ATTEMPTS; attempt++) {
      const from = this.#version + 1;
      const found = await this.#readWindow(from, window);
      await this.#lookAtManifest();
      const { floor = 0, sequence: base = 0 } = this.#manifest?.manifest ?? {};
      const needsBase = floor >= from || found.some((entry) => entry === 'scrubbed');
      if (needsBase) {
        await this.#loadBase();
      } else if (found.length > 0) {
        for (const entry of found) if (entry !== 'scrubbed') this.advance(entry);
        if (found.length < window && base <= this.#version) return this.#version;
        window = Math.min(window * 2, LARGEST_WINDOW);
        attempt = 0;
      } else if (base < from) {
        return this.#version;
      }
      // Else entries were written and folded between the two looks: look again.
    }
    throw new FacefleetError('data-corrupt', 'the gallery names a base or entries that are not there', {
      context: { bucket: this.#store.bucket, manifest: this.#keys.manifest, version: this.#version },
    });
  }

  /** The entries from this number on, up to the first that is missing or scrubbed. */
  async #readWindow(from: number, count: number): Promise<(LogEntry | 'scrubbed')[]> {
    const sequences = Array.from({ length: count }, (_, at) => from + at);
    const entries = await Promise.all(sequences.map((sequence) => this.#readEntry(sequence)));
    const end = entries.findIndex((entry) => entry === undefined || entry === 'scrubbed');
    const found = end === -1 ? entries : entries.slice(0, entries[end] === 'scrubbed' ? end + 1 : end);
    return found.filter((entry) => entry !== undefined);
  }

  async #readEntry(sequence: number): Promise<LogEntry | 'scrubbed' | undefined> {
    const key = this.#keys.log(sequence);
    const object = await this.#store.get(key);
    if (object === undefined) return undefined;
    return (await decodeEntry(await object.bytes(MAX_ENTRY_BYTES), key)) ?? 'scrubbed';
  }

  async #lookAtManifest(): Promise<void> {
    const info = await this.#store.head(this.#keys.manifest);
    if (info?.etag !== this.#manifest?.etag)
      this.#manifest = await readManifest(this.#store, this.#keys.manifest);
  }

  /** A segment that is gone was replaced meanwhile: the caller looks again. */
  async #loadBase(): Promise<void> {
    const read = await readManifest(this.#store, this.#keys.manifest);
    if (read === undefined) return;
    const state = await readSegments(this.#store, read.manifest, this.#packs);
    if (state === undefined || read.manifest.sequence <= this.#version) return;
    const adopt = await this.#observer?.prepareBase(state);
    // Meanwhile this process may have written on.
    if (read.manifest.sequence <= this.#version) return;
    this.#manifest = read;
    this.#state = state;
    this.#version = read.manifest.sequence;
    adopt?.();
  }
}
