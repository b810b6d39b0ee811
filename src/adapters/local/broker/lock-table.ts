import { setTimeout as sleep } from 'node:timers/promises';

/** Who asks for a lock: the request of a connection. */
export interface LockRequest {
  readonly owner: object;
  readonly id: number;
  readonly name: string;
  /** It held the lock when its connection to the last broker broke. */
  readonly isReclaim: boolean;
  readonly onGranted: () => void;
}

interface Place {
  readonly request: LockRequest;
  isHolder: boolean;
}

/**
 * Named locks, first come first served. They live as long as the connection that asked for them.
 *
 * Holders of the last broker's locks may still be at work: for `graceMs` only they are let in.
 */
export class LockTable {
  readonly #lines = new Map<string, Place[]>();
  #isOpen: boolean;

  constructor({ graceMs }: { graceMs: number }) {
    this.#isOpen = graceMs === 0;
    if (!this.#isOpen) void sleep(graceMs, undefined, { ref: false }).then(() => this.#open());
  }

  request(request: LockRequest): void {
    const line = this.#lines.get(request.name) ?? [];
    this.#lines.set(request.name, line);
    const place = { request, isHolder: false };
    line.push(place);
    // Refusing a holder that comes back would not undo what it is doing.
    if (request.isReclaim) grant(place);
    else this.#letIn(line);
  }

  /** Gives up a lock, or the wait for it. */
  release(owner: object, id: number): void {
    this.#leave((request) => request.owner === owner && request.id === id);
  }

  releaseAll(owner: object): void {
    this.#leave((request) => request.owner === owner);
  }

  #leave(leaves: (request: LockRequest) => boolean): void {
    for (const [name, line] of this.#lines) {
      const stay = line.filter(({ request }) => !leaves(request));
      if (stay.length === line.length) continue;
      if (stay.length === 0) this.#lines.delete(name);
      else this.#lines.set(name, stay);
      this.#letIn(stay);
    }
  }

  #letIn(line: readonly Place[]): void {
    const first = line[0];
    if (first === undefined || !this.#isOpen || line.some(({ isHolder }) => isHolder)) return;
    grant(first);
  }

  #open(): void {
    this.#isOpen = true;
    for (const line of this.#lines.values()) this.#letIn(line);
  }
}

function grant(place: Place): void {
  place.isHolder = true;
  place.request.onGranted();
}
