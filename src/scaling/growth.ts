import type { Logger } from '../logger.ts';
import type { Clock } from '../ports/clock.ts';
import { affordable, reachedCap, type SpendingCaps } from './budget.ts';
import { type Brake, type FleetState, isLiving, type SlotRecord } from './fleet-state.ts';
import { type Pacer, PROBE } from './pacer.ts';
import type { Observed, ScalingAction, ScalingLimits } from './policy.ts';
import { ProgressWatch } from './progress-watch.ts';
import type { ScalingTimings } from './timings.ts';

/** From so many instances in a row that ended before they were ready, only one is tried at a time. */
export const BOOT_BRAKE_AFTER = 3;

export interface GrowthOptions {
  readonly caps: SpendingCaps;
  readonly pacer: Pacer;
  readonly timings: ScalingTimings;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface GrowthContext {
  readonly state: FleetState;
  readonly observed: Observed;
  readonly limits: Pick<ScalingLimits, 'maxInstances'>;
  /** Instances that live and are in no slot. */
  readonly orphans: number;
}

/** The least that an instance costs that was launched for nothing: its boot, and the minute that EC2 bills at least. */
export function termSecondsOf({ bootMs }: Pick<ScalingTimings, 'bootMs'>): number {
  return 60 + bootMs / 1000;
}

/**
 * Holds launches back, whatever the policy wants: while instances do not come up, while more of them get no more done,
 * and when the cap on costs is reached. None of these ends anything or takes work away from anybody.
 */
export class Growth {
  readonly #options: GrowthOptions;
  readonly #progress: ProgressWatch;

  constructor(options: GrowthOptions) {
    this.#options = options;
    this.#progress = new ProgressWatch(options.timings);
  }

  get caps(): SpendingCaps {
    return this.#options.caps;
  }

  /** How many may be launched or started before one of them has shown that it comes up. */
  trials({ crashStreak, slots }: FleetState): number {
    if (crashStreak < BOOT_BRAKE_AFTER) return Number.POSITIVE_INFINITY;
    return slots.some(isProbe) || !this.#options.pacer.isDue(PROBE) ? 0 : 1;
  }

  /** The state with the brakes that are on now. */
  watch(state: FleetState, observed: Observed): FleetState {
    const { nowMs, completed, serviceSeconds, queue, instances } = observed;
    if (queue !== undefined) {
      const ready = instances.filter(({ phase }) => phase === 'ready').length;
      const isWaiting = queue.visible > 0;
      this.#progress.note({ nowMs, ready, completed, isWaiting, serviceSeconds });
    }
    const reasons = {
      boot: this.#bootReason(state),
      progress: this.#progress.reason,
      cost: reachedCap(state.spending, this.#options.caps, this.#reserved(state)),
    };
    const kinds = ['boot', 'progress', 'cost'] as const;
    const brakes = kinds.flatMap((kind) => this.#brake(kind, reasons[kind], state) ?? []);
    const isSame =
      brakes.length === state.brakes.length && brakes.every((one, at) => one === state.brakes[at]);
    return isSame ? state : { ...state, brakes };
  }

  /** Those of the policy's actions that may be taken now. */
  allow(
    actions: readonly ScalingAction[],
    { state, observed, limits, orphans }: GrowthContext,
  ): readonly ScalingAction[] {
    if (state.pausedAt !== null) return [];
    const active = observed.instances.filter(({ phase }) => phase !== 'draining').length;
    const more = this.#progress.most(observed.nowMs) - active;
    let room = Math.min(more, affordable(state.spending, this.#options.caps, this.#reserved(state)));
    // Also those count that drain or end, and those that are in no slot.
    let places = limits.maxInstances - state.slots.filter(isLiving).length - orphans;
    return actions.filter(({ kind }) => {
      if (kind === 'drain') return true;
      if (kind === 'undrain') return room-- > 0;
      return room-- > 0 && places-- > 0;
    });
  }

  /** What is set aside for an instance that is launched, started or told to run on now, milliseconds since the epoch. */
  reservedUntil(): number {
    return this.#options.clock.now() + termSecondsOf(this.#options.timings) * 1000;
  }

  #bootReason({ crashStreak }: FleetState): string | undefined {
    if (crashStreak < BOOT_BRAKE_AFTER) return undefined;
    return 'instances end before they are ready: one at a time is tried';
  }

  #brake(kind: Brake['kind'], reason: string | undefined, { brakes }: FleetState): Brake | undefined {
    const { clock, logger } = this.#options;
    const current = brakes.find((brake) => brake.kind === kind);
    if (reason === undefined) {
      if (current !== undefined) logger.info({ kind }, 'nothing holds launches back any more');
      return undefined;
    }
    // The reason of when it began; figures that change all the time are no news.
    if (current !== undefined) return current;
    logger.warn({ kind, reason }, 'launches are held back');
    return { kind, since: clock.now(), reason };
  }

  #reserved({ slots }: FleetState): { reservedSeconds: number; termSeconds: number } {
    const termSeconds = termSecondsOf(this.#options.timings);
    const now = this.#options.clock.now();
    const seconds = slots.filter(isLiving).map(({ phase, reservedUntil = 0 }) => {
      // For as long as nobody knows whether it runs.
      if (phase === 'launching' || phase === 'starting') return termSeconds;
      // A clock that was set back reserves no more than before.
      return Math.min(termSeconds, Math.max(0, (reservedUntil - now) / 1000));
    });
    return { reservedSeconds: seconds.reduce((sum, one) => sum + one, 0), termSeconds };
  }
}

function isProbe({ phase, wasReady }: SlotRecord): boolean {
  return phase === 'launching' || phase === 'starting' || (phase === 'running' && !wasReady);
}
