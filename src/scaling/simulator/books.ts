import type { Readable } from 'node:stream';
import { PreconditionFailedError } from '../../errors.ts';
import type { ObjectInfo, ObjectStore, PutOptions, StoredObject } from '../../ports/object-store.ts';
import type { VirtualClock } from './virtual-clock.ts';

interface Stored {
  readonly info: ObjectInfo;
  readonly body: Buffer;
}

/** The state bucket as far as a controller's books need one: small objects, replaced on condition. */
export class SimulatedBooks implements Pick<ObjectStore, 'get' | 'head' | 'put'> {
  readonly #clock: VirtualClock;
  readonly #callSeconds: number;
  readonly #objects = new Map<string, Stored>();
  #versions = 0;

  constructor(clock: VirtualClock, callSeconds: number) {
    this.#clock = clock;
    this.#callSeconds = callSeconds;
  }

  get(key: string): Promise<StoredObject | undefined> {
    return this.#clock.later(this.#callSeconds, () => {
      const stored = this.#objects.get(key);
      if (stored === undefined) return undefined;
      const stream = (): Readable => {
        throw new Error('books are read whole');
      };
      return { info: stored.info, bytes: () => Promise.resolve(stored.body), stream };
    });
  }

  head(key: string): Promise<ObjectInfo | undefined> {
    return this.#clock.later(this.#callSeconds, () => this.#objects.get(key)?.info);
  }

  put(key: string, body: Uint8Array | Readable, options: PutOptions = {}): Promise<{ etag: string }> {
    return this.#clock.later(this.#callSeconds, () => {
      const before = this.#objects.get(key)?.info.etag;
      const isTaken = options.ifNoneMatch === '*' && before !== undefined;
      if (isTaken || (options.ifMatch !== undefined && options.ifMatch !== before)) {
        throw new PreconditionFailedError('somebody else has written', { context: { key } });
      }
      const bytes = Buffer.from(body as Uint8Array);
      const info: ObjectInfo = {
        key,
        etag: String(++this.#versions),
        sizeBytes: bytes.length,
        lastModified: new Date(this.#clock.now()),
        contentType: options.contentType ?? 'application/octet-stream',
        metadata: options.metadata ?? {},
      };
      this.#objects.set(key, { info, body: bytes });
      return { etag: info.etag };
    });
  }
}
