import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Buckets } from '../jobs/stores.ts';
import type {
  ObjectEntry,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  StoredObject,
} from '../ports/object-store.ts';
import { type ErasureOptions, type ErasureReport, eraseFace, erasePerson } from './erasure.ts';
import { DEFAULT_GALLERY } from './keys.ts';

/** What can be shown to whoever asked for an erasure. It holds no name and no byte of what was erased. */
export interface ErasureReceipt extends ErasureReport {
  readonly version: 1;
  /** Name and number of the gallery, as in keys. */
  readonly gallery: string;
  /** ISO 8601. */
  readonly requestedAt: string;
  readonly completedAt: string;
  readonly counts: Readonly<Record<ErasedKind, number>>;
  /** Every object that was deleted or written anew without them, in the order in which it was done. */
  readonly objects: readonly ErasedObject[];
}

export type ErasedKind = 'pictures' | 'results' | 'crops' | 'segments' | 'entries' | 'others';

export interface ErasedObject {
  readonly bucket: string;
  /** The key or, of one that holds a name that somebody gave, `sha256:` and its hash. */
  readonly key: string;
  readonly action: 'deleted' | 'overwritten';
  readonly kind: ErasedKind;
  /** Hex, of the bytes that were there. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** Keys that are made of our words and random ids only. */
const OUR_KEYS = /^(uploads|results|records|gallery|person-jobs|course-names)\//;
/** What an erasure writes down for itself, and the pointer to the base: neither holds anybody. */
const BOOKKEEPING = /^gallery\/[^/]+\/(erasures\/|manifest\.json$)/;

const KINDS: readonly (readonly [ErasedKind, RegExp])[] = [
  ['pictures', /^uploads\//],
  ['results', /^results\//],
  ['crops', /^gallery\/[^/]+\/crops\//],
  ['segments', /^gallery\/[^/]+\/base\//],
  ['entries', /^gallery\/[^/]+\/log\//],
];

/** As `erasePerson`, and tells every object that it touched. */
export function erasePersonWithReceipt(options: ErasureOptions, reference: string): Promise<ErasureReceipt> {
  return withReceipt(options, (journalled) => erasePerson(journalled, reference));
}

/** As `eraseFace`, and tells every object that it touched. */
export function eraseFaceWithReceipt(options: ErasureOptions, faceId: string): Promise<ErasureReceipt> {
  return withReceipt(options, (journalled) => eraseFace(journalled, faceId));
}

async function withReceipt(
  options: ErasureOptions,
  erase: (options: ErasureOptions) => Promise<ErasureReport>,
): Promise<ErasureReceipt> {
  const objects: ErasedObject[] = [];
  const requestedAt = new Date(options.clock.now()).toISOString();
  const report = await erase({ ...options, buckets: journalled(options.buckets, objects) });
  const counts = { pictures: 0, results: 0, crops: 0, segments: 0, entries: 0, others: 0 };
  for (const { kind } of objects) counts[kind]++;
  return {
    version: 1,
    ...report,
    gallery: options.gallery ?? DEFAULT_GALLERY,
    requestedAt,
    completedAt: new Date(options.clock.now()).toISOString(),
    counts,
    objects,
  };
}

function journalled({ input, output, state }: Buckets, objects: ErasedObject[]): Buckets {
  return {
    input: new JournalledStore(input, objects),
    output: new JournalledStore(output, objects),
    state: new JournalledStore(state, objects),
  };
}

/** Notes what was there before each object is deleted or written over. */
class JournalledStore implements ObjectStore {
  readonly #store: ObjectStore;
  readonly #objects: ErasedObject[];

  constructor(store: ObjectStore, objects: ErasedObject[]) {
    this.#store = store;
    this.#objects = objects;
  }

  get bucket(): string {
    return this.#store.bucket;
  }

  async put(key: string, body: Uint8Array | Readable, options: PutOptions = {}): Promise<{ etag: string }> {
    const before = options.ifNoneMatch === '*' ? undefined : await this.#look(key, 'overwritten');
    const put = await this.#store.put(key, body, options);
    if (before !== undefined) this.#objects.push(before);
    return put;
  }

  async delete(key: string): Promise<void> {
    const before = await this.#look(key, 'deleted');
    await this.#store.delete(key);
    if (before !== undefined) this.#objects.push(before);
  }

  get(key: string, options?: { signal?: AbortSignal }): Promise<StoredObject | undefined> {
    return this.#store.get(key, options);
  }

  head(key: string): Promise<ObjectInfo | undefined> {
    return this.#store.head(key);
  }

  forgetVersions(key: string): Promise<void> {
    return this.#store.forgetVersions(key);
  }

  list(options?: { prefix?: string; startAfter?: string }): AsyncIterable<ObjectEntry> {
    return this.#store.list(options);
  }

  async #look(key: string, action: ErasedObject['action']): Promise<ErasedObject | undefined> {
    if (BOOKKEEPING.test(key)) return undefined;
    const object = await this.#store.get(key);
    if (object === undefined) return undefined;
    const hash = createHash('sha256');
    for await (const piece of object.stream() as AsyncIterable<Buffer>) hash.update(piece);
    return {
      ...{ bucket: this.bucket, key: shownKey(key), action, kind: kindOf(key) },
      ...{ sha256: hash.digest('hex'), sizeBytes: object.info.sizeBytes },
    };
  }
}

function kindOf(key: string): ErasedKind {
  return KINDS.find(([, pattern]) => pattern.test(key))?.[0] ?? 'others';
}

/** In the course dialect pictures are called as their file is, which often is a person's name. */
function shownKey(key: string): string {
  if (OUR_KEYS.test(key)) return key;
  return `sha256:${createHash('sha256').update(key).digest('hex')}`;
}
