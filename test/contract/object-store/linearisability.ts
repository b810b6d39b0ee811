import assert from 'node:assert/strict';
import fc from 'fast-check';

import { errorCode } from '../../../src/errors.ts';
import type { ObjectStore, PutOptions } from '../../../src/ports/object-store.ts';
import { type ContractTest, readText, text } from './subject.ts';

/** What one client does, in order: each value that is written is written once. */
type Step = 'put' | 'create' | 'swap' | 'delete' | 'get';

interface Planned {
  readonly step: Step;
  /** Stores may keep metadata apart from bodies, and take other ways with it. */
  readonly hasMetadata: boolean;
}

/** A call on the one key, when it began and ended, and what it says of the value before and after it. */
interface Call {
  readonly began: number;
  readonly ended: number;
  /** Whether this may be what happened when the value is `before`; `undefined` is no object. */
  readonly fits: (before: string | undefined) => boolean;
  /** The value after it; the same one for a call that changes nothing. */
  readonly after: (before: string | undefined) => string | undefined;
}

const CLIENTS = 3;
const planned = fc.record({
  step: fc.constantFrom<Step>('put', 'create', 'create', 'swap', 'swap', 'swap', 'delete', 'get'),
  hasMetadata: fc.boolean(),
});
const plans = fc.array(fc.array(planned, { minLength: 2, maxLength: 4 }), {
  minLength: CLIENTS,
  maxLength: CLIENTS,
});
const PUT: Planned = { step: 'put', hasMetadata: false };
const GET: Planned = { step: 'get', hasMetadata: false };

export function linearisabilityContract(it: ContractTest): void {
  it('what several clients see of a key could have happened one call after the other', async (subject) => {
    const stores = [subject.store, ...Array.from({ length: CLIENTS - 1 }, () => subject.another())];
    let round = 0;
    await fc.assert(
      fc.asyncProperty(plans, fc.boolean(), async (clients, isThere) => {
        const history = new History(`key/${round++}`);
        if (isThere) await history.run(subject.store, [PUT]);
        await Promise.all(clients.map((plan, client) => history.run(stores[client]!, plan)));
        await history.run(subject.store, [GET]);
        assert.ok(isLinearisable(history.calls), JSON.stringify(history.log));
        await subject.store.delete(history.key);
      }),
      { numRuns: 60 },
    );
  });
}

class History {
  readonly key: string;
  readonly calls: Call[] = [];
  readonly log: string[] = [];
  #now = 0;
  #values = 0;

  constructor(key: string) {
    this.key = key;
  }

  async run(store: ObjectStore, plan: readonly Planned[]): Promise<void> {
    for (const next of plan) await this.#perform(store, next);
  }

  async #perform(store: ObjectStore, { step, hasMetadata }: Planned): Promise<void> {
    if (step === 'get') {
      await this.#record('get', async () => {
        const seen = await readText(store, this.key);
        return { fits: (before) => before === seen, after: (before) => before, said: String(seen) };
      });
    } else if (step === 'delete') {
      await this.#record('delete', async () => {
        await store.delete(this.key);
        return { fits: () => true, after: () => undefined, said: 'done' };
      });
    } else if (step === 'swap') {
      const found = await store.get(this.key);
      if (found === undefined) return;
      const expected = (await found.bytes()).toString();
      await this.#write(store, { hasMetadata, condition: { ifMatch: found.info.etag }, expected });
    } else {
      const condition: PutOptions = step === 'create' ? { ifNoneMatch: '*' } : {};
      await this.#write(store, { hasMetadata, condition, expected: undefined });
    }
  }

  async #write(
    store: ObjectStore,
    write: { hasMetadata: boolean; condition: PutOptions; expected: string | undefined },
  ): Promise<void> {
    const body = `value ${++this.#values}`;
    const isConditional = Object.keys(write.condition).length > 0;
    const options = { ...write.condition, metadata: write.hasMetadata ? { value: body } : {} };
    await this.#record(`put ${body} ${JSON.stringify(options)}`, async () => {
      const isRefused = await store.put(this.key, text(body), options).then(
        () => false,
        (error) => {
          if (errorCode(error) === 'precondition-failed') return true;
          throw error;
        },
      );
      return {
        fits: (before) => !isConditional || (before === write.expected) !== isRefused,
        after: (before) => (isRefused ? before : body),
        said: isRefused ? 'refused' : 'done',
      };
    });
  }

  async #record(name: string, call: () => Promise<Pick<Call, 'fits' | 'after'> & { said: string }>) {
    const began = ++this.#now;
    const { fits, after, said } = await call();
    const ended = ++this.#now;
    this.calls.push({ began, ended, fits, after });
    this.log.push(`${began}-${ended} ${name}: ${said}`);
  }
}

/** Looks for an order of the calls that a single store could have seen: a call comes before those that began after it ended. */
function isLinearisable(calls: readonly Call[]): boolean {
  const dead = new Set<string>();
  const search = (left: readonly Call[], value: string | undefined): boolean => {
    if (left.length === 0) return true;
    const state = `${value}|${left.map(({ began }) => began).join()}`;
    if (dead.has(state)) return false;
    const firstEnd = Math.min(...left.map(({ ended }) => ended));
    const isPossible = left.some(
      (call) =>
        call.began < firstEnd &&
        call.fits(value) &&
        search(
          left.filter((other) => other !== call),
          call.after(value),
        ),
    );
    if (!isPossible) dead.add(state);
    return isPossible;
  };
  return search(calls, undefined);
}
