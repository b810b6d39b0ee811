import { type BigIntStats, existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

import { type ErrorContext, FacefleetError } from '../../../errors.ts';
import type { BodyFacts } from './body-facts.ts';
import { quicklyUnlessMissing, unlinkIfThere } from './file-errors.ts';
import type { FolderSync } from './folder-sync.ts';

const FORMAT_VERSION = 1;
/** A double of seconds is exact to a quarter of a microsecond. */
const FLOAT_NOISE_NS = 500n;
const ROUNDINGS_NS = [1_000n, 1_000_000n, 1_000_000_000n];

interface SidecarEntry extends BodyFacts {
  /** Modification time (nanoseconds since the epoch) and size of the body that it describes. */
  readonly mtimeNs: string;
  readonly sizeBytes: number;
}

/**
 * Release 0.1 kept metadata and content types in files of their own, `.meta/<path of the body>`, which name the version of
 * the body that they belong to by modification time and size. They are read where they are, and go with their objects;
 * new ones are not written.
 */
export class OldSidecars {
  readonly #root: string;
  readonly #sidecarRoot: string;
  readonly #folders: FolderSync;
  readonly #areThere: boolean;

  constructor(root: string, folders: FolderSync) {
    this.#root = root;
    this.#sidecarRoot = join(root, '.meta');
    this.#folders = folders;
    this.#areThere = existsSync(this.#sidecarRoot);
  }

  /**
   * What was said of this version of the body.
   *
   * @throws FacefleetError `data-corrupt` when the file is not ours.
   */
  read(bodyPath: string, stats: BigIntStats, context: ErrorContext): BodyFacts | undefined {
    if (!this.#areThere) return undefined;
    const path = this.#pathOf(bodyPath);
    const text = quicklyUnlessMissing(() => readFileSync(path, 'utf8'));
    if (text === undefined) return undefined;
    return factsOf(parse(text, { ...context, path }), stats);
  }

  /** Under the key's lock, when the version it belonged to is gone. */
  async remove(bodyPath: string): Promise<void> {
    if (!this.#areThere) return;
    const path = this.#pathOf(bodyPath);
    if (!unlinkIfThere(path)) return;
    await this.#folders.sync(dirname(path));
    await this.#folders.removeEmpty(dirname(path), this.#sidecarRoot);
  }

  #pathOf(bodyPath: string): string {
    return join(this.#sidecarRoot, relative(this.#root, bodyPath));
  }
}

function parse(text: string, context: ErrorContext): readonly SidecarEntry[] {
  try {
    const parsed: { version: number; entries: SidecarEntry[] } = JSON.parse(text);
    if (parsed.version === FORMAT_VERSION && Array.isArray(parsed.entries)) return parsed.entries;
  } catch {
    // Reported below, as any other text that is not ours.
  }
  throw new FacefleetError('data-corrupt', 'the metadata of an object cannot be read', { context });
}

/** The facts of this version: of exactly this time, else of the time that a less exact copy has rounded. */
function factsOf(entries: readonly SidecarEntry[], stats: BigIntStats): SidecarEntry | undefined {
  const sameSize = entries.filter((entry) => BigInt(entry.sizeBytes) === stats.size);
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
