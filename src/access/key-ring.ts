import type { Clock } from '../ports/clock.ts';
import { type ApiKeyRecord, endOf, isSecretOf, parseKey } from './api-key.ts';
import type { ApiKeyStore } from './key-store.ts';
import { TokenBucket } from './token-bucket.ts';

/** So long a look-up is believed: a key that was revoked is refused after this at the latest. */
const TRUST_MS = 5000;
/** Somebody who tries keys must not fill the memory. */
const MOST_REMEMBERED = 10_000;
/**
 * Keys that nobody has may cost so many looks a minute. While there are more, a list of the ids that there are tells, for so
 * long: only then a key that was just made elsewhere is late, and by no more than that.
 */
const MISSES_PER_MINUTE = 300;
const LISTED_MS = 1000;

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

const NOBODY: Remembered = { record: undefined, readAt: 0 };

/** Judges the keys that requests show: looks each up once in a few seconds, and counts what it is used for. */
export class KeyRing {
  readonly #store: ApiKeyStore;
  readonly #clock: Clock;
  readonly #known = new Map<string, Promise<Remembered>>();
  readonly #buckets = new Map<string, TokenBucket>();
  readonly #misses: TokenBucket;
  /** While keys are being guessed. */
  #listed: { readonly ids: Promise<ReadonlySet<string>>; readonly until: number } | undefined;

  constructor({ store, clock }: { store: ApiKeyStore; clock: Clock }) {
    this.#store = store;
    this.#clock = clock;
    this.#misses = new TokenBucket({ perMinute: MISSES_PER_MINUTE, clock });
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
    this.#listed = undefined;
  }

  async #lookUp(id: string): Promise<Remembered> {
    if (this.#listed !== undefined && !this.#known.has(id) && (await this.#isListedAsNone(id))) return NOBODY;
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
    const record = await this.#store.find(id);
    if (record === undefined && this.#misses.take() > 0) this.#list();
    return { record, readAt };
  }

  #list(): void {
    const ids = this.#store.ids();
    const listed = { ids, until: this.#clock.monotonic() + LISTED_MS };
    this.#listed = listed;
    // Without a list each key is looked up, as ever.
    ids.catch(() => {
      if (this.#listed === listed) this.#listed = undefined;
    });
  }

  async #isListedAsNone(id: string): Promise<boolean> {
    const listed = this.#listed;
    if (listed === undefined || this.#clock.monotonic() >= listed.until) return false;
    const ids = await listed.ids.catch(() => undefined);
    return ids !== undefined && !ids.has(id);
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
