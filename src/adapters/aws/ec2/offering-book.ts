import type { Clock } from '../../../ports/clock.ts';
import {
  combinations,
  encodeTerms,
  type LaunchTerms,
  type Market,
  type Offering,
  placeOf,
} from './launch-terms.ts';

export interface OfferingChoice {
  readonly template: string;
  readonly types: readonly string[];
  readonly subnets: readonly string[];
  /** The first in which anything has room is asked. */
  readonly markets: readonly Market[];
}

/** Karpenter's figure too: a pool that has run out rarely has room again sooner, and asking costs calls that are counted. */
const ASIDE_MS = 3 * 60_000;

/** Which pools ran out of machines within the last three minutes, and so what to ask for now. */
export class OfferingBook {
  readonly #choice: OfferingChoice;
  readonly #clock: Clock;
  readonly #asideUntil = new Map<string, number>();

  constructor(choice: OfferingChoice, clock: Clock) {
    this.#choice = choice;
    this.#clock = clock;
  }

  putAside(offering: Offering): void {
    this.#asideUntil.set(keyOf(offering), this.#clock.monotonic() + ASIDE_MS);
  }

  /** With every combination in `without` when nothing has room anywhere. */
  terms(): string {
    const { template, types, subnets, markets } = this.#choice;
    const [first] = markets.map((market) => this.#termsOf(market)).filter(({ hasRoom }) => hasRoom);
    const chosen = first ?? this.#termsOf(markets.at(-1) ?? 'on-demand');
    return encodeTerms({ template, types, subnets, market: chosen.market, without: chosen.without });
  }

  /** Seconds until the first of these pools is asked again. */
  secondsUntilNext({ market, types, subnets }: LaunchTerms): number {
    const ends = combinations(market, types, subnets).map((one) => this.#asideUntil.get(keyOf(one)) ?? 0);
    return Math.max(0, Math.ceil((Math.min(...ends) - this.#clock.monotonic()) / 1000));
  }

  #termsOf(market: Market) {
    const all = combinations(market, this.#choice.types, this.#choice.subnets);
    const without = all.filter((offering) => this.#isAside(offering)).map(placeOf);
    return { market, without, hasRoom: without.length < all.length };
  }

  #isAside(offering: Offering): boolean {
    return (this.#asideUntil.get(keyOf(offering)) ?? 0) > this.#clock.monotonic();
  }
}

const keyOf = (offering: Offering) => `${offering.market} ${placeOf(offering)}`;
