/** Which place in the fleet a worker fills. */
export interface MachineIdentity {
  readonly id: string;
  /** 0 for one that no fleet launched. */
  readonly slot: number;
  readonly generation: number;
}

/** The machine is to be taken away (`interruption`), or likely to be before long (`rebalance`). */
export interface ReclaimNotice {
  readonly kind: 'interruption' | 'rebalance';
  /** When it is taken; undefined when nobody knows. */
  readonly at?: Date;
}

/** What a worker can learn of the machine that it runs on. */
export interface Machine {
  /** A worker that no fleet launched names itself and has slot 0. Rejects for what cannot be an identity (`config-invalid`). */
  identity(): Promise<MachineIdentity>;
  /** Where other machines of the same network reach it; undefined when it does not know. */
  privateAddress(): Promise<string | undefined>;
  /** Each notice once, as it comes, until the signal aborts. Never rejects: a machine that cannot be asked gives none. */
  notices(signal: AbortSignal): AsyncIterable<ReclaimNotice>;
}
