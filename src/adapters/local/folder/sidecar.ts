import { type BigIntStats, readFileSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';

import { type ErrorContext, FacefleetError } from '../../../errors.ts';
import { quicklyUnlessMissing, unlinkIfThere } from './file-errors.ts';
import type { FolderSync } from './folder-sync.ts';
import type { Staging } from './staging.ts';

const FORMAT_VERSION = 1;
/** A double of seconds is exact to a quarter of a microsecond. */
const FLOAT_NOISE_NS = 500n;
const ROUNDINGS_NS = [1_000n, 1_000_000n, 1_000_000_000n];

/** What is known of a body beyond what the body itself tells. */
export interface BodyFacts {
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface SidecarEntry extends BodyFacts {
  /** Modification time (nanoseconds since the epoch) and size of the body that it describes. */
  readonly mtimeNs: string;
  readonly sizeBytes: number;
}

/** Facts by version of the body, newest first. */
export type Sidecar = readonly SidecarEntry[];

/**
 * Metadata and content types, in files of their own beside the bodies, for objects that have any.
 *
 * A sidecar names the version of the body that it belongs to, by modification time and size. It is written before the
 * body is put in place and keeps the entry of the body that is there, so a reader finds the right facts for
 * whichever it opened, and the body's rename alone decides. Times, unlike inodes, survive a copy by `cp -a`, rsync
 * or tar, some of them rounded. All writes happen under the key's lock.
 */
export class Sidecars {
  readonly #staging: Staging;
  readonly #folders: FolderSync;

  constructor(staging: Staging, folders: FolderSync) {
    this.#staging = staging;
    this.#folders = folders;
  }

  /** @throws FacefleetError `data-corrupt` when the file is not ours. */
  read(path: string, context: ErrorContext): Sidecar {
    const text = quicklyUnlessMissing(() => readFileSync(path, 'utf8'));
    if (text === undefined) return [];
    try {
      const parsed: { version: number; entries: SidecarEntry[] } = JSON.parse(text);
      if (parsed.version === FORMAT_VERSION && Array.isArray(parsed.entries)) return parsed.entries;
    } catch {
      // Reported below, as any other text that is not ours.
    }
    throw new FacefleetError('data-corrupt', 'the metadata of an object cannot be read', {
      context: { ...context, path },
    });
  }

  /** Puts facts for the version `next` beside those of `current`, if there are any. */
  async write(
    path: string,
    next: BigIntStats,
    facts: BodyFacts,
    current: BigIntStats | undefined,
    context: ErrorContext,
  ): Promise<void> {
    const old = this.read(path, context);
    const isEmpty = facts.contentType === undefined && facts.metadata === undefined;
    if (isEmpty && old.length === 0) return;
    const kept = current && factsOf(old, current);
    const entry = { mtimeNs: String(next.mtimeNs), sizeBytes: Number(next.size), ...facts };
    const text = JSON.stringify({ version: FORMAT_VERSION, entries: [entry, ...(kept ? [kept] : [])] });
    await using staged = await this.#staging.stage(Buffer.from(text), { context });
    await staged.synced;
    const folder = dirname(path);
    await this.#folders.inFolder(folder, () => renameSync(staged.path, path));
    await this.#folders.sync(folder);
  }

  /** Resolves to whether there was one. */
  async remove(path: string, top: string): Promise<boolean> {
    const wasThere = unlinkIfThere(path);
    if (wasThere) {
      await this.#folders.sync(dirname(path));
      await this.#folders.removeEmpty(dirname(path), top);
    }
    return wasThere;
  }
}

/** The facts of this version: of exactly this time, else of the time that a less exact copy has rounded. */
export function factsOf(sidecar: Sidecar, stats: BigIntStats): SidecarEntry | undefined {
  const sameSize = sidecar.filter((entry) => BigInt(entry.sizeBytes) === stats.size);
  return (
    sameSize.find((entry) => BigInt(entry.mtimeNs) === stats.mtimeNs) ??
    sameSize.find((entry) => isRounded(BigInt(entry.mtimeNs), stats.mtimeNs))
  );
}

/** Tools that copy keep times to the nanosecond, or to whole microseconds, milliseconds or seconds, through floats. */
function isRounded(original: bigint, copy: bigint): boolean {
  const distance = original > copy ? original - copy : copy - original;
  return ROUNDINGS_NS.some((unit) => {
    const above = copy % unit;
    const isWhole = above < FLOAT_NOISE_NS || unit - above < FLOAT_NOISE_NS;
    return isWhole && distance < unit;
  });
}
