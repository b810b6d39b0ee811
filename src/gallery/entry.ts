import { Buffer } from 'node:buffer';
import { bytesOf, ContainerReader, encodeContainer } from './container.ts';

/** Binds the name of an erased person to their tombstone for as long as enrolments may still be queued; see erasure.ts. */
export interface NameSeal {
  readonly salt: string;
  readonly digest: string;
}

/** One change of a gallery. Ids are UUIDs in lower case. */
export type GalleryOp =
  | {
      readonly op: 'add-person';
      readonly personId: string;
      readonly name: string;
      /** What the caller calls them; nobody else is called so. */
      readonly externalId?: string;
    }
  | AddFaceOp
  | {
      readonly op: 'add-template';
      readonly faceId: string;
      readonly packId: string;
      readonly vector: Float32Array;
    }
  | { readonly op: 'rename'; readonly personId: string; readonly name: string }
  | { readonly op: 'set-external-id'; readonly personId: string; readonly externalId: string | null }
  | {
      /** The face is not `from`, whose counterexample it becomes, but `to`; null is nobody of the gallery. */
      readonly op: 'move-face';
      readonly faceId: string;
      readonly from: string;
      readonly to: string | null;
    }
  | { readonly op: 'merge'; readonly from: string; readonly into: string }
  | { readonly op: 'remove-person'; readonly personId: string; readonly at: number; readonly seal: NameSeal }
  | { readonly op: 'remove-face'; readonly faceId: string }
  | { readonly op: 'use-pack'; readonly packId: string };

export interface AddFaceOp {
  readonly op: 'add-face';
  readonly personId: string;
  readonly faceId: string;
  readonly packId: string;
  /** Unit length. */
  readonly vector: Float32Array;
  readonly sizePx: number;
  readonly embeddingNorm: number;
  /** Hex. */
  readonly pictureSha256: string;
  readonly addedAt: number;
  readonly source?: string;
  readonly externalId?: string;
}

export interface LogEntry {
  readonly sequence: number;
  /** Milliseconds since the epoch. */
  readonly writtenAt: number;
  readonly ops: readonly GalleryOp[];
}

interface EntryHeader {
  readonly kind: 'log-entry';
  readonly sequence: number;
  readonly writtenAt: number;
  /** As above, but with the length of each vector in place of the vector: the body holds them in order. */
  readonly ops: readonly (Record<string, unknown> & { dimensions?: number })[];
}

/** What a scrubbed entry holds in place of its changes: its number stays taken, its data is gone. */
const SCRUBBED = Buffer.from('{"scrubbed":true}');

export function encodeEntry(entry: LogEntry): Buffer {
  const vectors: Float32Array[] = [];
  const ops = entry.ops.map((op) => {
    if (!('vector' in op)) return op;
    const { vector, ...rest } = op;
    vectors.push(vector);
    return { ...rest, dimensions: vector.length };
  });
  const header = { kind: 'log-entry', sequence: entry.sequence, writtenAt: entry.writtenAt, ops };
  return Buffer.concat([...encodeContainer(header, vectors.map(bytesOf))]);
}

/** Undefined for a scrubbed entry: the base has what it held, and a reader that needs it starts from there. */
export async function decodeEntry(bytes: Uint8Array, key: string): Promise<LogEntry | undefined> {
  if (SCRUBBED.equals(bytes)) return undefined;
  const reader = new ContainerReader([bytes], key);
  const header = await reader.header<EntryHeader>('log-entry');
  const ops: GalleryOp[] = [];
  for (const { dimensions, ...op } of header.ops) {
    if (dimensions === undefined) {
      ops.push(op as unknown as GalleryOp);
    } else {
      const vector = new Float32Array((await reader.read(dimensions * 4)).buffer);
      ops.push({ ...op, vector } as unknown as GalleryOp);
    }
  }
  await reader.finish();
  return { sequence: header.sequence, writtenAt: header.writtenAt, ops };
}

export function scrubbedEntry(): Buffer {
  return SCRUBBED;
}
