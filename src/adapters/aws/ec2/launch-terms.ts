import { FacefleetError } from '../../../errors.ts';

export type Market = 'spot' | 'on-demand';

/** A pool of machines that may have room or not. */
export interface Offering {
  readonly market: Market;
  /** Undefined: the launch template's. */
  readonly type?: string;
  readonly subnet?: string;
}

/** What a launch asks EC2 for. Written down with the launch, since EC2 takes a repeat only to the letter. */
export interface LaunchTerms {
  readonly template: string;
  readonly market: Market;
  /** Best first. */
  readonly types: readonly string[];
  readonly subnets: readonly string[];
  /** Of their combinations, the ones that had no room a moment ago: `c7i.large subnet-1`. */
  readonly without: readonly string[];
}

/** One form for one content: the launch's token is a hash over it. */
export function encodeTerms({ template, market, types, subnets, without }: LaunchTerms): string {
  return JSON.stringify({ template, market, types, subnets, without });
}

/** @throws FacefleetError `data-corrupt` */
export function decodeTerms(text: string): LaunchTerms {
  let terms: Partial<LaunchTerms> | null;
  try {
    terms = JSON.parse(text);
  } catch (cause) {
    throw corrupt(text, cause);
  }
  const isComplete =
    typeof terms?.template === 'string' &&
    (terms.market === 'spot' || terms.market === 'on-demand') &&
    [terms.types, terms.subnets, terms.without].every(Array.isArray);
  if (!isComplete) throw corrupt(text);
  return terms as LaunchTerms;
}

/** The pools that are to be tried, best first; none when all of them had no room. */
export function offeringsOf({ market, types, subnets, without }: LaunchTerms): Offering[] {
  const all = combinations(market, types, subnets);
  return all.filter((offering) => !without.includes(placeOf(offering)));
}

export function combinations(
  market: Market,
  types: readonly string[],
  subnets: readonly string[],
): Offering[] {
  return orUndefined(types).flatMap((type) =>
    orUndefined(subnets).map((subnet) => ({
      market,
      ...(type !== undefined && { type }),
      ...(subnet !== undefined && { subnet }),
    })),
  );
}

export function placeOf({ type = 'any', subnet = 'any' }: Omit<Offering, 'market'>): string {
  return `${type} ${subnet}`;
}

function orUndefined(names: readonly string[]): readonly (string | undefined)[] {
  return names.length === 0 ? [undefined] : names;
}

function corrupt(text: string, cause?: unknown): FacefleetError {
  return new FacefleetError('data-corrupt', 'the terms of a launch are none of the EC2 fleet', {
    context: { terms: text.slice(0, 200) },
    cause,
  });
}
