import type { Readable } from 'node:stream';

/** What is known of an object without reading it. */
export interface ObjectInfo {
  readonly key: string;
  /**
   * Opaque; only good for comparing and for `ifMatch`. Other bytes have another one. The same bytes written again may
   * have the same one (S3 makes it of the body): who must tell such writes apart puts something into the body that differs.
   */
  readonly etag: string;
  readonly sizeBytes: number;
  readonly lastModified: Date;
  /** As put; without one, a guess from key and body, or `application/octet-stream`. */
  readonly contentType: string;
  /**
   * Names are lower case ASCII; values any Unicode text without control characters. 1,984 bytes in all, where a value
   * that is not all printable ASCII counts as its base64.
   */
  readonly metadata: Readonly<Record<string, string>>;
}

/** An entry of a listing: cheap facts only. */
export type ObjectEntry = Pick<ObjectInfo, 'key' | 'etag' | 'sizeBytes' | 'lastModified'>;

export interface StoredObject {
  readonly info: ObjectInfo;
  /** The whole body, at most `limitBytes` of it (default 64 MiB), else `limit-exceeded`. Read once: either this or `stream()`. */
  bytes(limitBytes?: number): Promise<Buffer>;
  /** The body as a stream, consistent with `info` even when the object is overwritten meanwhile. Destroy it if unread. */
  stream(): Readable;
}

export interface PutOptions {
  readonly contentType?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** `'*'`: create only; rejects with PreconditionFailedError when the key exists. */
  readonly ifNoneMatch?: '*';
  /** Replace only the version with this etag; rejects with PreconditionFailedError otherwise, also when the key is gone. */
  readonly ifMatch?: string;
  /** Needed with a stream: more bytes than this reject with `limit-exceeded` and store nothing. */
  readonly maxBytes?: number;
  /** Aborting rejects with the signal's reason and stores nothing, unless the object was stored already: then it resolves. */
  readonly signal?: AbortSignal;
}

/**
 * One bucket: named, immutable-at-a-time blobs with S3's promises.
 *
 * - Keys are 1 to 1,024 bytes of UTF-8 and otherwise free: `..`, `/`, a leading slash, odd Unicode and control
 *   characters are ordinary characters that can neither leave the bucket nor collide. Keys differ when their bytes differ.
 *   In keys with components `.`, `..` or none, with control characters, or below `.odd/`, those count for 3 to 9 bytes.
 * - `put` is atomic and durable: when it resolves, every later read anywhere sees the whole object, also after a
 *   power cut; when it rejects or the process dies, readers see the old object or nothing, never a part.
 * - When the body is a stream that fails, `put` rejects with the stream's own error. It destroys the stream when it rejects.
 * - Puts and deletes are linearisable per key, the conditional ones too: of many `ifNoneMatch: '*'` exactly one resolves.
 * - `get` and `head` resolve to undefined for a missing key. `delete` of a missing key resolves. What was deleted is gone
 *   for good, also from a store that keeps versions.
 * - `list` yields keys in the byte order of their UTF-8; objects written or deleted during a listing may or may not show.
 * - Failures are UnavailableError, ThrottledError (retry with backoff), or FacefleetError `disk-full`,
 *   `permission-denied`, `limit-exceeded`, `bad-request` (a key that is no key), with bucket and key as context.
 */
export interface ObjectStore {
  /** The bucket's name, for messages. */
  readonly bucket: string;
  put(key: string, body: Uint8Array | Readable, options?: PutOptions): Promise<{ etag: string }>;
  get(key: string, options?: { signal?: AbortSignal }): Promise<StoredObject | undefined>;
  head(key: string): Promise<ObjectInfo | undefined>;
  delete(key: string): Promise<void>;
  /** Rids the object of all its former versions, where the store keeps any. May be repeated. For what must not be found any more. */
  forgetVersions(key: string): Promise<void>;
  /** Keys that start with `prefix`, after `startAfter` (exclusive). */
  list(options?: { prefix?: string; startAfter?: string }): AsyncIterable<ObjectEntry>;
}
