interface Waiting {
  readonly weight: number;
  readonly start: () => void;
}

/** Lets calls run at once as long as their weights together do not exceed the capacity; the others wait in the order they came. */
export class Limiter {
  readonly #capacity: number;
  readonly #waiting: Waiting[] = [];
  readonly #watchers: (() => void)[] = [];
  #load = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** @param weight at most the capacity */
  async run<T>(call: () => Promise<T>, weight = 1): Promise<T> {
    if (this.#waiting.length === 0 && this.#hasRoom(weight)) this.#load += weight;
    else await new Promise<void>((start) => this.#waiting.push({ weight, start }));
    try {
      return await call();
    } finally {
      this.#leave(weight);
    }
  }

  /** Resolves when nothing runs or waits. */
  idle(): Promise<void> {
    if (this.#load === 0) return Promise.resolve();
    return new Promise((resolve) => this.#watchers.push(resolve));
  }

  #hasRoom(weight: number): boolean {
    return this.#load + weight <= this.#capacity;
  }

  /** A place is taken for the one that waits before it goes on, or another could take it in between. */
  #leave(weight: number): void {
    this.#load -= weight;
    for (let next = this.#waiting[0]; next && this.#hasRoom(next.weight); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#load += next.weight;
      next.start();
    }
    if (this.#load > 0) return;
    for (const resolve of this.#watchers.splice(0)) resolve();
  }
}
