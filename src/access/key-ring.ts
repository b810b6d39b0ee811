import type { Clock } from '../ports/clock.ts';
import { type ApiKeyRecord, endOf, isSecretOf, parseKey } from './api-key.ts';
import type { ApiKeyStore } from './key-store.ts';
import { TokenBucket } from './token-bucket.ts';

/** So long a look-up is believed: a key that was revoked is refused after this at the latest. */
const TRUST_MS = 5000;
/** Somebody who tries keys must not fill the memory. */
const MOST_REMEMBERED = 10_000;

/** What a key that was shown is worth. */
export type KeyVerdict =
  | { readonly kind: 'good'; readonly record: ApiKeyRecord }
  | { readonly kind: 'unknown' | 'revoked' | 'expired' }
  /** Good, but asked too often: again after so many seconds. */
  | { readonly kind: 'limited'; readonly record: ApiKeyRecord; readonly retryAfterSeconds: number };

interface Remembered {
  readonly record: ApiKeyRecord | undefined;
  readonly readAt: number;
}

/** Judges the keys that requests show: looks each up once in a few seconds, and counts what it is used for. */
export class KeyRing {
  readonly #store: ApiKeyStore;
  readonly #clock: Clock;
  readonly #known = new Map<string, Promise<Remembered>>();
  readonly #buckets = new Map<string, TokenBucket>();

  constructor({ store, clock }: { store: ApiKeyStore; clock: Clock }) {
    this.#store = store;
    this.#clock = clock;
  }

  async judge(text: string): Promise<KeyVerdict> {
    const parts = parseKey(text);
    if (parts === undefined) return { kind: 'unknown' };
    const { record } = await this.#lookUp(parts.id);
    if (record === undefined || !isSecretOf(record, parts.secret)) return { kind: 'unknown' };
    const end = endOf(record, this.#clock.now());
    if (end !== undefined) return { kind: end };
    const retryAfterSeconds = this.#spend(record);
    return retryAfterSeconds === 0
      ? { kind: 'good', record }
      : { kind: 'limited', record, retryAfterSeconds };
  }

  /** The key has changed here: the next request looks again. */
  forget(id: string): void {
    this.#known.delete(id);
  }

  async #lookUp(id: string): Promise<Remembered> {
    const known = this.#known.get(id);
    if (known !== undefined) {
      const remembered = await known;
      if (this.#clock.monotonic() - remembered.readAt < TRUST_MS) return remembered;
    }
    // Requests that come meanwhile share the look-up; one that fails is not remembered.
    const reading = this.#known.get(id);
    if (reading !== undefined && reading !== known) return reading;
    const read = this.#read(id);
    this.#known.set(id, read);
    read.catch(() => this.#known.get(id) === read && this.#known.delete(id));
    if (this.#known.size > MOST_REMEMBERED) this.#known.delete(this.#known.keys().next().value ?? '');
    return read;
  }

  async #read(id: string): Promise<Remembered> {
    const readAt = this.#clock.monotonic();
    return { record: await this.#store.find(id), readAt };
  }

  /** Seconds until it may ask again; 0: now. */
  #spend({ id, requestsPerMinute }: ApiKeyRecord): number {
    if (requestsPerMinute === null) return 0;
    let bucket = this.#buckets.get(id);
    if (bucket === undefined) {
      bucket = new TokenBucket({ perMinute: requestsPerMinute, clock: this.#clock });
      this.#buckets.set(id, bucket);
    }
    return bucket.take();
  }
}
