import { useEffect, useState } from 'preact/hooks';

/** A value that outlives the view that shows it. */
export class Store<T> {
  #value: T;
  readonly #listeners = new Set<(value: T) => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  update(change: (before: T) => T): void {
    this.#value = change(this.#value);
    for (const listener of this.#listeners) listener(this.#value);
  }

  subscribe(listener: (value: T) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

export function useStore<T>(store: Store<T>): T {
  const [value, setValue] = useState(store.value);
  useEffect(() => {
    // It may have changed between the rendering and now.
    setValue(store.value);
    return store.subscribe(setValue);
  }, [store]);
  return value;
}
