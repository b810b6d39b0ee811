import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

import { checkKey, checkPutOptions, DEFAULT_LIMIT_BYTES, tooLarge } from '../../src/adapters/object-rules.ts';
import { PreconditionFailedError } from '../../src/errors.ts';
import type {
  ObjectEntry,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  StoredObject,
} from '../../src/ports/object-store.ts';

export type StoreOperation = 'put' | 'get' | 'head' | 'delete' | 'list' | 'forgetVersions';

export interface FailureRule {
  /** Only for this key, or keys (for `list`: the prefix) that match. */
  readonly key?: string | RegExp;
  /** How often, default 1. */
  readonly times?: number;
  /** The operation is carried out and only its answer is lost: what a caller sees when a connection breaks. */
  readonly afterwards?: boolean;
}

/** What a paused operation is waiting for. */
export interface Pause {
  /** Resolves when the operation has arrived, before it did anything. */
  readonly reached: Promise<void>;
  release(): void;
}

interface Rule {
  readonly operation: StoreOperation;
  readonly key: string | RegExp | undefined;
  readonly afterwards: boolean;
  readonly act: () => Promise<void>;
  timesLeft: number;
}

interface Stored {
  readonly info: ObjectInfo;
  readonly body: Buffer;
}

/** A bucket in memory that keeps the port's contract and can be told what to fail, or to hold back, next. */
export class MemoryObjectStore implements ObjectStore {
  readonly bucket: string;
  /** Every call so far, oldest first. */
  readonly calls: { readonly operation: StoreOperation; readonly key: string }[] = [];
  readonly #objects = new Map<string, Stored>();
  readonly #rules: Rule[] = [];
  readonly #now: () => number;

  constructor({ bucket = 'memory', now = Date.now }: { bucket?: string; now?: () => number } = {}) {
    this.bucket = bucket;
    this.#now = now;
  }

  /** The next matching call rejects with this error. */
  failNext(operation: StoreOperation, error: Error, rule: FailureRule = {}): void {
    this.#rules.push({
      operation,
      key: rule.key,
      afterwards: rule.afterwards ?? false,
      act: () => Promise.reject(error),
      timesLeft: rule.times ?? 1,
    });
  }

  /** The next matching call waits until released. */
  pauseNext(operation: StoreOperation, { key }: { key?: string | RegExp } = {}): Pause {
    const reached = Promise.withResolvers<void>();
    const released = Promise.withResolvers<void>();
    const act = () => {
      reached.resolve();
      return released.promise;
    };
    this.#rules.push({ operation, key, afterwards: false, act, timesLeft: 1 });
    return { reached: reached.promise, release: released.resolve };
  }

  /** The bytes under a key, past all rules: for assertions. */
  peek(key: string): Buffer | undefined {
    return this.#objects.get(key)?.body;
  }

  /** The keys that are there, in order: for assertions. */
  get keys(): string[] {
    return [...this.#objects.keys()].sort(byBytes);
  }

  async put(key: string, body: Uint8Array | Readable, options: PutOptions = {}): Promise<{ etag: string }> {
    checkKey(key, this.bucket);
    checkPutOptions(options, body instanceof Readable, { bucket: this.bucket, key });
    return this.#run('put', key, async () => {
      options.signal?.throwIfAborted();
      const bytes = await this.#collect(key, body, options);
      // Nothing is awaited from here on: the check and the write are one step.
      this.#checkConditions(key, options);
      const info: ObjectInfo = {
        key,
        // As S3 makes it: who counts on another one for the same bytes is found out here.
        etag: `"${createHash('md5').update(bytes).digest('hex')}"`,
        sizeBytes: bytes.length,
        lastModified: new Date(this.#now()),
        contentType: options.contentType ?? 'application/octet-stream',
        metadata: { ...options.metadata },
      };
      this.#objects.set(key, { info, body: bytes });
      return { etag: info.etag };
    });
  }

  async get(key: string, options: { signal?: AbortSignal } = {}): Promise<StoredObject | undefined> {
    checkKey(key, this.bucket);
    return this.#run('get', key, async () => {
      options.signal?.throwIfAborted();
      const found = this.#objects.get(key);
      return found && storedObject(found, { bucket: this.bucket, key });
    });
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    checkKey(key, this.bucket);
    return this.#run('head', key, async () => this.#objects.get(key)?.info);
  }

  async delete(key: string): Promise<void> {
    checkKey(key, this.bucket);
    await this.#run('delete', key, async () => {
      this.#objects.delete(key);
    });
  }

  async forgetVersions(key: string): Promise<void> {
    checkKey(key, this.bucket);
    await this.#run('forgetVersions', key, async () => {});
  }

  async *list(options: { prefix?: string; startAfter?: string } = {}): AsyncGenerator<ObjectEntry> {
    const prefix = options.prefix ?? '';
    const keys = await this.#run('list', prefix, async () =>
      this.keys.filter(
        (key) =>
          key.startsWith(prefix) &&
          (options.startAfter === undefined || byBytes(key, options.startAfter) > 0),
      ),
    );
    for (const key of keys) {
      const info = this.#objects.get(key)?.info;
      if (info !== undefined) {
        yield { key, etag: info.etag, sizeBytes: info.sizeBytes, lastModified: info.lastModified };
      }
    }
  }

  async #run<T>(operation: StoreOperation, key: string, work: () => Promise<T>): Promise<T> {
    this.calls.push({ operation, key });
    const rule = this.#takeRule(operation, key);
    if (rule !== undefined && !rule.afterwards) await rule.act();
    const result = await work();
    if (rule?.afterwards) await rule.act();
    return result;
  }

  #takeRule(operation: StoreOperation, key: string): Rule | undefined {
    const index = this.#rules.findIndex(
      (rule) => rule.operation === operation && (rule.key === undefined || matches(rule.key, key)),
    );
    const rule = this.#rules[index];
    if (rule !== undefined && --rule.timesLeft === 0) this.#rules.splice(index, 1);
    return rule;
  }

  async #collect(key: string, body: Uint8Array | Readable, options: PutOptions): Promise<Buffer> {
    const { maxBytes = Number.POSITIVE_INFINITY, signal } = options;
    const context = { bucket: this.bucket, key };
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    const abort = () => body instanceof Readable && body.destroy(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      for await (const chunk of body instanceof Readable ? body : [body]) {
        sizeBytes += chunk.length;
        if (sizeBytes > maxBytes) throw tooLarge(maxBytes, context);
        chunks.push(Buffer.from(chunk));
      }
      signal?.throwIfAborted();
    } finally {
      signal?.removeEventListener('abort', abort);
    }
    return Buffer.concat(chunks);
  }

  #checkConditions(key: string, options: PutOptions): void {
    const current = this.#objects.get(key)?.info.etag;
    const context = { bucket: this.bucket, key };
    if (options.ifNoneMatch !== undefined && current !== undefined) {
      throw new PreconditionFailedError('the object exists already', { context });
    }
    if (options.ifMatch !== undefined && current !== options.ifMatch) {
      throw new PreconditionFailedError('the object is another version or gone', { context });
    }
  }
}

function storedObject({ info, body }: Stored, context: { bucket: string; key: string }): StoredObject {
  return {
    info,
    bytes: async (limitBytes = DEFAULT_LIMIT_BYTES) => {
      if (body.length > limitBytes) throw tooLarge(limitBytes, context);
      return Buffer.from(body);
    },
    stream: () => Readable.from(body.length > 0 ? [Buffer.from(body)] : [], { objectMode: false }),
  };
}

function matches(wanted: string | RegExp, key: string): boolean {
  return typeof wanted === 'string' ? wanted === key : wanted.test(key);
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
