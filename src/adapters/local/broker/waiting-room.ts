import type { RequestOf } from './protocol.ts';

/** A receive that no message has come for yet. */
export interface Waiter {
  readonly owner: object;
  readonly request: RequestOf<'receive'>;
  /** Broker time after which it is answered with nothing. */
  readonly deadline: number;
}

/** Receives that wait, in line for their queue: first come, first served. */
export class WaitingRoom {
  readonly #lines = new Map<string, Waiter[]>();

  add(waiter: Waiter): void {
    const { queue } = waiter.request;
    const line = this.#lines.get(queue);
    if (line === undefined) this.#lines.set(queue, [waiter]);
    else line.push(waiter);
  }

  /** Queues that somebody waits for. */
  queues(): string[] {
    return [...this.#lines.keys()];
  }

  /** Who is next in line. */
  first(queue: string): Waiter | undefined {
    return this.#lines.get(queue)?.[0];
  }

  /** Those that have waited long enough, taken out. */
  takeExpired(now: number): Waiter[] {
    return this.#take(({ deadline }) => deadline <= now);
  }

  take(owner: object, id: number): Waiter | undefined {
    return this.#take((waiter) => waiter.owner === owner && waiter.request.id === id)[0];
  }

  takeFirst(queue: string): void {
    const line = this.#lines.get(queue);
    line?.shift();
    if (line?.length === 0) this.#lines.delete(queue);
  }

  takeEverybody(): Waiter[] {
    return this.#take(() => true);
  }

  takeAllOf(owner: object): void {
    this.#take((waiter) => waiter.owner === owner);
  }

  nextDeadline(): number {
    return Math.min(...[...this.#lines.values()].flat().map(({ deadline }) => deadline));
  }

  #take(isWanted: (waiter: Waiter) => boolean): Waiter[] {
    const taken: Waiter[] = [];
    for (const [queue, line] of this.#lines) {
      const stay = line.filter((waiter) => !isWanted(waiter));
      if (stay.length === line.length) continue;
      taken.push(...line.filter(isWanted));
      if (stay.length === 0) this.#lines.delete(queue);
      else this.#lines.set(queue, stay);
    }
    return taken;
  }
}
