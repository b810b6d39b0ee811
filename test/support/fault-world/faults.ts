import {
  CapacityUnavailableError,
  type FacefleetError,
  ThrottledError,
  UnavailableError,
} from '../../../src/errors.ts';
import type { CallKind } from '../../../src/scaling/call-gates.ts';
import type { VirtualTime } from './virtual-time.ts';

/** `lost`: the call is carried out and its answer lost. */
export type FaultKind = 'throttled' | 'unavailable' | 'lost' | 'capacity';

interface Fault {
  readonly calls: readonly CallKind[];
  readonly kind: FaultKind;
  readonly until: number;
  /** How many of the calls fail, 0 to 1. */
  readonly share: number;
}

/** What fails at the moment, for everybody who calls. */
export class Faults {
  readonly #time: VirtualTime;
  readonly #random: () => number;
  #faults: Fault[] = [];

  constructor(time: VirtualTime, random: () => number) {
    this.#time = time;
    this.#random = random;
  }

  add(fault: Omit<Fault, 'until'> & { readonly forMs: number }): void {
    this.#faults.push({ ...fault, until: this.#time.now + fault.forMs });
  }

  heal(): void {
    this.#faults = [];
  }

  get areAny(): boolean {
    return this.#faults.some(({ until }) => until > this.#time.now);
  }

  /** Does the deed, unless a fault is in the way, before it or after. */
  around<T>(call: CallKind, deed: () => T): T {
    const fault = this.#faults.find(
      ({ calls, until, share }) =>
        until > this.#time.now && calls.includes(call) && (share >= 1 || this.#random() < share),
    );
    const isOfLaunches = call === 'launch' || call === 'start';
    if (fault === undefined || (fault.kind === 'capacity' && !isOfLaunches)) return deed();
    if (fault.kind === 'lost') deed();
    throw errorOf(fault.kind);
  }
}

function errorOf(kind: FaultKind): FacefleetError {
  if (kind === 'throttled') return new ThrottledError('told to');
  if (kind === 'capacity') return new CapacityUnavailableError('told to');
  return new UnavailableError('told to');
}
