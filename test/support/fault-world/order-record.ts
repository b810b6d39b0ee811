import type { LaunchRequest } from '../../../src/ports/fleet.ts';
import type { FleetState, SlotPhase } from '../../../src/scaling/fleet-state.ts';
import type { Order } from './cloud.ts';

const PHASES: Record<Exclude<Order, 'launch'>, SlotPhase> = {
  start: 'starting',
  stop: 'stopping',
  terminate: 'ending',
};

/** What was ever written down, to see that nothing is ordered that was not. */
export class OrderRecord {
  readonly #launches = new Set<string>();
  readonly #orders = new Set<string>();
  #slots: FleetState['slots'] = [];

  note({ slots }: FleetState): void {
    this.#slots = slots;
    for (const { request, phase, instanceId } of slots) {
      if (request !== undefined) this.#launches.add(JSON.stringify(request));
      this.#orders.add(`${phase} ${instanceId}`);
    }
  }

  /** What is wrong with an order, if anything: a launch must be on record to the letter, the rest with its phase. */
  missing(order: Order, asked: LaunchRequest | string): string | undefined {
    if (typeof asked !== 'string') {
      return this.#launches.has(JSON.stringify(asked))
        ? undefined
        : `the launch of generation ${asked.generation} in slot ${asked.slot} was not on record`;
    }
    if (order === 'launch' || this.#orders.has(`${PHASES[order]} ${asked}`)) return undefined;
    // One that is in no slot has no record to be in.
    const isOrphan = !this.#slots.some(({ instanceId }) => instanceId === asked);
    return order === 'terminate' && isOrphan ? undefined : `${order} of ${asked} was not on record`;
  }
}
