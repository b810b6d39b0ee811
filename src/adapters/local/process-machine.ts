import { randomUUID } from 'node:crypto';
import type { Machine, MachineIdentity, ReclaimNotice } from '../../ports/machine.ts';

/** A process is told by its environment who it is, and its machine is taken away without notice. */
export class ProcessMachine implements Machine {
  readonly #identity: MachineIdentity;

  /** Without an identity it was started by hand. */
  constructor(identity: MachineIdentity = byHand()) {
    this.#identity = identity;
  }

  async identity(): Promise<MachineIdentity> {
    return this.#identity;
  }

  async privateAddress(): Promise<undefined> {
    return undefined;
  }

  async *notices(): AsyncGenerator<ReclaimNotice> {}
}

export function byHand(): MachineIdentity {
  return { id: `by-hand-${randomUUID()}`, slot: 0, generation: 0 };
}
