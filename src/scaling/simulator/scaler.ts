import type { Machine, Plant } from './plant.ts';

/** What a rule sees when it looks. */
export interface View {
  readonly now: number;
  /** Jobs that wait. */
  readonly waiting: number;
  readonly inFlight: number;
  /** Machines that are up and stay. */
  readonly current: number;
  /** Of these, those that work. */
  readonly ready: number;
}

/** A rule that says from time to time how many machines there should be. One of these serves one run. */
export interface Scaler {
  /** How often it looks. */
  readonly intervalSeconds: number;
  desired(view: View): number;
}

/**
 * Gives a rule a fleet that obeys at once: machines launch and end in the moment they are asked to, those that have
 * nothing in hand end first, and a busy one finishes. No real fleet is so good; a rule is compared at its best.
 */
export function runScaler(plant: Plant, scaler: Scaler, limits: { min: number; max: number }): void {
  const look = () => {
    const current = plant.machines.filter(isStaying);
    const ready = current.filter(({ state }) => state === 'ready').length;
    const { now, waiting, inFlight } = plant;
    const asked = scaler.desired({ now, waiting, inFlight, current: current.length, ready });
    const wanted = Math.min(limits.max, Math.max(limits.min, asked));
    const room = limits.max - plant.machines.length;
    for (let more = Math.min(wanted - current.length, room); more > 0; more--) plant.launch();
    const surplus = Math.max(0, current.length - wanted);
    for (const machine of byDispensability(current).slice(0, surplus)) plant.drain(machine);
    plant.events.after(scaler.intervalSeconds, look);
  };
  plant.onChange = (machine) => {
    if (machine.state === 'draining') plant.end(machine);
  };
  plant.events.at(0, look);
}

function isStaying({ state }: Machine): boolean {
  return state === 'booting' || state === 'ready';
}

/** Idle ones first, then those that boot, then the busy ones. */
function byDispensability(machines: readonly Machine[]): Machine[] {
  const rank = ({ state, inHand }: Machine) => (state === 'booting' ? 1 : inHand.length > 0 ? 2 : 0);
  return machines.toSorted((one, other) => rank(one) - rank(other) || other.id - one.id);
}
