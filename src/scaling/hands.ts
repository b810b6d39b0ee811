import { errorCode, errorMessage, isTransient } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';
import type { Fleet, Instance } from '../ports/fleet.ts';
import type { CallGates, CallKind } from './call-gates.ts';
import type { FleetState, SlotRecord } from './fleet-state.ts';
import type { Lease } from './leader.ts';
import { emptied } from './lifecycle.ts';
import { type Pacer, slotKey } from './pacer.ts';

export interface HandsOptions {
  readonly fleet: Fleet;
  readonly lease: Pick<Lease, 'epoch' | 'mayChange'>;
  readonly gates: CallGates;
  readonly pacer: Pacer;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether a leader before this one may still have a call under way. */
  readonly mayPredecessorAct: () => boolean;
  /** False for one that was taken for lost, and may not be: then it is not ended yet. */
  readonly isSilent: (record: SlotRecord) => boolean;
  /** What came of an action. */
  readonly onOutcome: (record: SlotRecord) => void;
}

/**
 * Carries out what is written down: every slot that is launching, starting, stopping or ending, again until it shows
 * in the fleet's list. Each call is made only while enough of the lease is left, and paced by slot and by kind.
 */
export class Hands {
  readonly #options: HandsOptions;

  constructor(options: HandsOptions) {
    this.#options = options;
  }

  async act(state: FleetState, orphans: readonly Instance[]): Promise<void> {
    const orphansEnd = orphans.map(({ id }) => this.#order('terminate', id));
    await Promise.all([...state.slots.map((record) => this.#actOn(record)), ...orphansEnd]);
  }

  async #actOn(record: SlotRecord): Promise<void> {
    const { instanceId } = record;
    if (record.phase === 'launching') return this.#launch(record);
    if (instanceId === undefined) return;
    if (record.phase === 'starting') return this.#start(record, instanceId);
    if (record.phase === 'stopping') return this.#stop(record, instanceId);
    if (record.phase === 'ending' && this.#options.isSilent(record)) {
      await this.#order('terminate', instanceId);
    }
  }

  /** Calls the fleet with the launch as it is written down, for the first time or again. */
  async #launch(record: SlotRecord): Promise<void> {
    const { fleet, clock, pacer, logger } = this.#options;
    const { slot, generation, request } = record;
    const key = `launch ${slot}/${generation}`;
    if (request === undefined || !this.#may('launch', key)) return;
    try {
      const { id } = await this.#options.gates.call('launch', () => fleet.launch(request));
      pacer.clear(key);
      this.#options.onOutcome({ ...record, phase: 'running', since: clock.now(), instanceId: id });
    } catch (error) {
      const reason = errorMessage(error);
      if (this.#mayHaveHappened(error, record)) {
        const retryInMs = pacer.putOff(key);
        logger.warn({ slot, generation, reason, retryInMs }, 'a launch may have failed; it will be repeated');
        return;
      }
      pacer.clear(key);
      const failures = record.failures + 1;
      const retryInMs = pacer.putOff(slotKey(slot), failures);
      logger.warn({ slot, generation, reason, retryInMs }, 'a launch failed');
      this.#options.onOutcome(emptied(record, clock.now(), reason, failures));
    }
  }

  /** A stopped instance that cannot be started for want of room stays stopped; one that is gone is ended like any other. */
  async #start(record: SlotRecord, instanceId: string): Promise<void> {
    const { fleet, clock, pacer, gates, logger, onOutcome } = this.#options;
    const key = `start ${instanceId}`;
    if (!this.#may('start', key)) return;
    try {
      await gates.call('start', () => fleet.start(instanceId));
      pacer.clear(key);
      onOutcome({ ...record, phase: 'running', since: clock.now() });
    } catch (error) {
      const reason = errorMessage(error);
      const facts = { slot: record.slot, instanceId, reason };
      if (this.#mayHaveHappened(error, record)) {
        const retryInMs = pacer.putOff(key);
        logger.warn({ ...facts, retryInMs }, 'a start may have failed; it will be repeated');
        return;
      }
      pacer.clear(key);
      const failures = record.failures + 1;
      const retryInMs = pacer.putOff(slotKey(record.slot), failures);
      logger.warn({ ...facts, retryInMs }, 'a start failed');
      const isGone = errorCode(error) === 'not-found' || errorCode(error) === 'conflict';
      const phase = isGone ? 'ending' : 'stopped';
      onOutcome({ ...record, phase, since: clock.now(), failures });
    }
  }

  async #stop(record: SlotRecord, instanceId: string): Promise<void> {
    const error = await this.#order('stop', instanceId);
    if (errorCode(error) !== 'conflict') return;
    // It is of a kind that cannot be stopped.
    this.#options.onOutcome({ ...record, phase: 'ending', since: this.#options.clock.now() });
  }

  /** Gives the order, not every round, until the list shows that it was carried out. @returns what went wrong. */
  async #order(kind: 'terminate' | 'stop', instanceId: string): Promise<unknown> {
    const { fleet, gates, pacer, logger } = this.#options;
    const key = `${kind} ${instanceId}`;
    if (!this.#may(kind, key)) return undefined;
    pacer.putOff(key);
    try {
      await gates.call(kind, () => fleet[kind](instanceId));
      return undefined;
    } catch (error) {
      logger.warn({ instanceId, error: errorMessage(error) }, `an instance could not be told to ${kind}`);
      return error;
    }
  }

  #may(kind: CallKind, key: string): boolean {
    const { gates, pacer, lease } = this.#options;
    return pacer.isDue(key) && lease.mayChange() && gates.mayCall(kind);
  }

  /** Or may happen yet, at the hands of a leader that was and does not know that it is no more. */
  #mayHaveHappened(error: unknown, { orderedIn }: SlotRecord): boolean {
    const { lease, mayPredecessorAct } = this.#options;
    if (isTransient(error) || errorCode(error) === undefined) return true;
    return orderedIn !== lease.epoch && mayPredecessorAct();
  }
}
