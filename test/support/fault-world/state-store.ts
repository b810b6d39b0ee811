import { PreconditionFailedError } from '../../../src/errors.ts';
import type { ObjectStore } from '../../../src/ports/object-store.ts';
import type { Faults } from './faults.ts';
import type { Life } from './life.ts';

type StateStore = Pick<ObjectStore, 'get' | 'head' | 'put'>;

/** The state bucket, with its compare-and-swap and without all that the books do not need. */
export class WorldState {
  readonly #objects: Map<string, { text: string; etag: string }>;
  readonly #faults: Faults;
  static #serial = 0;
  /** Hears of everything that is written. */
  onPut: (key: string, text: string) => void = () => {};

  /** `same`: the objects are those of that one, with other faults in the way. */
  constructor(faults: Faults, same?: WorldState) {
    this.#faults = faults;
    this.#objects = same === undefined ? new Map() : same.#objects;
  }

  text(key: string): string | undefined {
    return this.#objects.get(key)?.text;
  }

  /** As one process has it. `called` hears of every call. */
  through(life: Life, called: (kind: 'read books' | 'write books', key: string) => void): ObjectStore {
    const store: StateStore = {
      get: (key) => {
        called('read books', key);
        return life.call(() => this.#faults.around('read books', () => this.#get(key))) as ReturnType<
          ObjectStore['get']
        >;
      },
      head: (key) => {
        called('read books', key);
        return life.call(() => this.#faults.around('read books', () => this.#get(key)?.info)) as ReturnType<
          ObjectStore['head']
        >;
      },
      put: (key, body, options) => {
        called('write books', key);
        return life.call(() =>
          this.#faults.around('write books', () => this.#put(key, String(body), options ?? {})),
        ) as ReturnType<ObjectStore['put']>;
      },
    };
    return store as ObjectStore;
  }

  #get(key: string) {
    const found = this.#objects.get(key);
    if (found === undefined) return undefined;
    const { etag, text } = found;
    return { info: { etag }, bytes: async () => Buffer.from(text) };
  }

  #put(key: string, text: string, { ifMatch, ifNoneMatch }: { ifMatch?: string; ifNoneMatch?: '*' }) {
    const current = this.#objects.get(key)?.etag;
    const isMet =
      ifNoneMatch === undefined ? ifMatch === undefined || ifMatch === current : current === undefined;
    if (!isMet) throw new PreconditionFailedError('changed by another');
    const etag = `e${++WorldState.#serial}`;
    this.#objects.set(key, { text, etag });
    this.onPut(key, text);
    return { etag };
  }
}
