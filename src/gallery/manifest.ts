import { Buffer } from 'node:buffer';
import { FacefleetError } from '../errors.ts';
import type { ObjectStore } from '../ports/object-store.ts';

export const MANIFEST_VERSION = 1;

/** Names the base that stands for the first entries of the log. Swapped by `ifMatch`, never written otherwise. */
export interface Manifest {
  readonly version: typeof MANIFEST_VERSION;
  /** The base holds every entry up to this one. */
  readonly sequence: number;
  /**
   * Entries up to this one are deleted or about to be. Their numbers look free again, so an entry found or written at
   * or below the floor counts for nothing: writers and readers look here afterwards.
   */
  readonly floor: number;
  /** Key of the roster segment. */
  readonly roster: string;
  readonly packs: readonly PackSegment[];
  /** Latest folds, oldest first: until ten minutes after one, what it replaced stays. Milliseconds since the epoch. */
  readonly folds: readonly { readonly sequence: number; readonly at: number }[];
}

export interface PackSegment {
  readonly packId: string;
  readonly dimensions: number;
  readonly rows: number;
  readonly key: string;
}

export interface ReadManifest {
  readonly manifest: Manifest;
  readonly etag: string;
}

/** @throws FacefleetError `data-corrupt` when it is no manifest or of a newer format. */
export async function readManifest(store: ObjectStore, key: string): Promise<ReadManifest | undefined> {
  const object = await store.get(key);
  if (object === undefined) return undefined;
  const text = (await object.bytes()).toString('utf8');
  return { manifest: parseManifest(text, store.bucket, key), etag: object.info.etag };
}

/** Rejects with PreconditionFailedError when somebody else has swapped it since `replaces` was read. */
export async function swapManifest(
  store: ObjectStore,
  key: string,
  manifest: Manifest,
  replaces: ReadManifest | undefined,
): Promise<ReadManifest> {
  const condition = replaces === undefined ? ({ ifNoneMatch: '*' } as const) : { ifMatch: replaces.etag };
  const body = Buffer.from(JSON.stringify(manifest));
  const { etag } = await store.put(key, body, { contentType: 'application/json', ...condition });
  return { manifest, etag };
}

function parseManifest(text: string, bucket: string, key: string): Manifest {
  let manifest: Partial<Manifest>;
  try {
    manifest = JSON.parse(text) as Partial<Manifest>;
  } catch (cause) {
    throw new FacefleetError('data-corrupt', 'the manifest of the gallery is no JSON', {
      context: { bucket, key },
      cause,
    });
  }
  if (manifest.version !== MANIFEST_VERSION) {
    throw new FacefleetError(
      'data-corrupt',
      `the manifest of the gallery has format ${manifest.version}, expected ${MANIFEST_VERSION}`,
      { context: { bucket, key } },
    );
  }
  return manifest as Manifest;
}
