import { errorCode, FacefleetError, NotFoundError } from '../errors.ts';
import { expectFields, parseObject } from '../jobs/stored-json.ts';
import type { Clock } from '../ports/clock.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { API_KEY_VERSION, type ApiKeyRecord, endOf, KEY_SCOPES, mintKey, type NewApiKey } from './api-key.ts';

/** State bucket: one object a key, named by its id. */
const PREFIX = 'api-keys/';
const MAX_NAME_CHARACTERS = 100;
const MAX_REQUESTS_PER_MINUTE = 1_000_000;

/** The API keys of a deployment, in its state bucket. */
export class ApiKeyStore {
  readonly #state: ObjectStore;
  readonly #clock: Clock;

  constructor({ state, clock }: { state: ObjectStore; clock: Clock }) {
    this.#state = state;
    this.#clock = clock;
  }

  /**
   * Makes a key; `text` is the only time that anybody sees it.
   *
   * @throws FacefleetError `bad-request` that names the field, its value and what was expected.
   */
  async create(asked: NewApiKey): Promise<{ text: string; record: ApiKeyRecord }> {
    checkAsked(asked, this.#clock.now());
    const minted = mintKey(asked, this.#clock.now());
    await this.#state.put(keyOf(minted.record.id), encode(minted.record), {
      contentType: 'application/json',
      ifNoneMatch: '*',
    });
    return minted;
  }

  /** Undefined when there is none of this id. */
  async find(id: string): Promise<ApiKeyRecord | undefined> {
    return (await this.#read(id))?.record;
  }

  /** Oldest first, revoked and expired ones too. */
  async list(): Promise<ApiKeyRecord[]> {
    const records: ApiKeyRecord[] = [];
    for await (const { key } of this.#state.list({ prefix: PREFIX })) {
      const record = await this.find(key.slice(PREFIX.length).replace(/\.json$/, ''));
      if (record !== undefined) records.push(record);
    }
    return records.sort((one, other) => one.createdAt - other.createdAt);
  }

  /** The ids of all keys, revoked and expired ones too. */
  async ids(): Promise<Set<string>> {
    const ids = new Set<string>();
    for await (const { key } of this.#state.list({ prefix: PREFIX })) {
      ids.add(key.slice(PREFIX.length).replace(/\.json$/, ''));
    }
    return ids;
  }

  /** Whether anybody could come in and make further keys. */
  async hasUsableAdmin(): Promise<boolean> {
    const now = this.#clock.now();
    return (await this.list()).some(
      (record) => record.scopes.includes('admin') && endOf(record, now) === undefined,
    );
  }

  /**
   * Ends a key for good; one that is revoked already stays as it is.
   *
   * @throws NotFoundError when there is none of this id.
   */
  async revoke(id: string): Promise<ApiKeyRecord> {
    for (;;) {
      const found = await this.#read(id);
      if (found === undefined) throw new NotFoundError(`there is no API key ${JSON.stringify(id)}`);
      if (found.record.revokedAt !== null) return found.record;
      const revoked = { ...found.record, revokedAt: this.#clock.now() };
      try {
        await this.#state.put(keyOf(id), encode(revoked), {
          contentType: 'application/json',
          ifMatch: found.etag,
        });
        return revoked;
      } catch (error) {
        // A key changes once in its life: somebody else has just revoked it.
        if (errorCode(error) !== 'precondition-failed') throw error;
      }
    }
  }

  async #read(id: string): Promise<{ record: ApiKeyRecord; etag: string } | undefined> {
    if (!/^[0-9a-f]{12}$/.test(id)) return undefined;
    const stored = await this.#state.get(keyOf(id));
    if (stored === undefined) return undefined;
    return { record: decode((await stored.bytes()).toString('utf8'), keyOf(id)), etag: stored.info.etag };
  }
}

function keyOf(id: string): string {
  return `${PREFIX}${id}.json`;
}

function encode(record: ApiKeyRecord): Buffer {
  return Buffer.from(JSON.stringify(record));
}

function decode(text: string, key: string): ApiKeyRecord {
  const context = { key };
  const value = parseObject(text, 'API key', context);
  if (value.version !== API_KEY_VERSION) {
    const version = JSON.stringify(value.version);
    throw new FacefleetError('data-corrupt', `API key has version ${version}, expected ${API_KEY_VERSION}`, {
      context,
    });
  }
  const fields = { id: 'string', name: 'string', secretSha256: 'string', scopes: 'array' } as const;
  expectFields(value, 'API key', { ...fields, createdAt: 'number' }, context);
  return value as unknown as ApiKeyRecord;
}

function checkAsked({ name, scopes, requestsPerMinute, expiresAt, gallery }: NewApiKey, now: number): void {
  const refuse = (what: string, value: unknown, expected: string) => {
    throw new FacefleetError(
      'bad-request',
      `the key's ${what} is ${JSON.stringify(value)}, expected ${expected}`,
    );
  };
  if (name.trim() === '' || [...name].length > MAX_NAME_CHARACTERS || /\p{Cc}/u.test(name)) {
    refuse('name', name, `1 to ${MAX_NAME_CHARACTERS} characters without control characters`);
  }
  if (scopes.length === 0 || scopes.some((scope) => !KEY_SCOPES.includes(scope))) {
    refuse('scopes', scopes, `one or more of ${KEY_SCOPES.join(', ')}`);
  }
  if (gallery !== undefined && scopes.includes('admin')) {
    refuse('gallery', gallery, 'none: who may do everything is not held to one gallery');
  }
  const isRate = (value: number) => Number.isInteger(value) && value >= 1 && value <= MAX_REQUESTS_PER_MINUTE;
  if (requestsPerMinute !== undefined && !isRate(requestsPerMinute)) {
    refuse('requests per minute', requestsPerMinute, `a whole number from 1 to ${MAX_REQUESTS_PER_MINUTE}`);
  }
  if (expiresAt !== undefined && !(expiresAt > now)) {
    refuse('end', expiresAt, 'milliseconds since the epoch, still to come');
  }
}
