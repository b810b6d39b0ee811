export type Fate = 'before' | 'after';

/** A controller's life, as far as its calls are concerned. */
export interface Mortal {
  /** The same object, whose asynchronous methods all count as calls of this life. */
  through<T extends object>(port: T): T;
  /** Resolves when it has died or was suspended. */
  readonly stopped: Promise<void>;
  /** Lets a suspended one go on. */
  resume(): void;
  readonly calls: number;
}

/**
 * A life that stops at its n-th call to any port: before the call does anything, or after it was carried out and
 * before its answer. Whoever awaits then waits for ever, as a killed process does, unless the life is resumed, as a
 * suspended one is.
 */
export function mortal(stopAtCall = Number.POSITIVE_INFINITY, fate: Fate = 'before'): Mortal {
  const stopped = Promise.withResolvers<void>();
  const resumed = Promise.withResolvers<void>();
  let calls = 0;
  const gate = () => {
    stopped.resolve();
    return resumed.promise;
  };
  const call = async (act: () => unknown) => {
    const isAtEnd = ++calls >= stopAtCall;
    if (isAtEnd && (fate === 'before' || calls > stopAtCall)) await gate();
    const result = await act();
    if (isAtEnd) await gate();
    return result;
  };
  return {
    through: (port) =>
      new Proxy(port, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name, target);
          if (typeof value !== 'function') return value;
          // The one that answers from memory, at once.
          if (name === 'terms') return value.bind(target);
          return (...args: unknown[]) => call(() => value.apply(target, args));
        },
      }),
    stopped: stopped.promise,
    resume: resumed.resolve,
    get calls() {
      return calls;
    },
  };
}
