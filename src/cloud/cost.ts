import prices from './prices.json' with { type: 'json' };

export interface CostRequest {
  readonly webType: string;
  /** The first is what is launched. */
  readonly workerTypes: readonly string[];
  readonly minWorkers: number;
  readonly maxWorkers: number;
  readonly hasLoadBalancer: boolean;
  /** Price of an instance type an hour, over the table's. */
  readonly overrides: ReadonlyMap<string, number>;
}

export interface CostLine {
  readonly what: string;
  readonly hourly: number;
}

export interface CostEstimate {
  readonly date: string;
  readonly region: string;
  readonly currency: string;
  readonly source: string;
  /** What runs without a single worker. */
  readonly fixed: readonly CostLine[];
  readonly perWorker: number;
  readonly workerType: string;
  /** At 0 (or the least), 1 and the most workers. */
  readonly hourly: readonly { readonly workers: number; readonly price: number }[];
  readonly perThousandPictures: number;
}

const HOURS_A_MONTH = 730;
/** Of one picture: upload, record or result, mirror; reads of them; send, receive, delete and answer in batches. */
const WRITES_PER_PICTURE = 2;
const READS_PER_PICTURE = 3;
const QUEUE_CALLS_PER_PICTURE = 6;
/** Of web tier and controller while there is nothing to do; `npm run prove -- --on aws idle` counts them. Listings are paid as writes. */
const IDLE_WRITES_AN_HOUR = 2100;
const IDLE_READS_AN_HOUR = 4700;
const IDLE_QUEUE_CALLS_AN_HOUR = 4600;

/** The table knows no price for these types. Say it with `--price`. */
export class UnknownPriceError extends Error {
  readonly types: readonly string[];

  constructor(types: readonly string[]) {
    super(`there is no price for ${types.join(', ')} in the table of ${prices.date}`);
    this.types = types;
  }
}

/**
 * Estimates what an hour costs, from list prices: instances and what hangs on them. Not in it: traffic, logs, and spot
 * prices, which are lower.
 *
 * @throws UnknownPriceError
 */
export function estimateCost(request: CostRequest): CostEstimate {
  const { webType, workerTypes, minWorkers, maxWorkers, hasLoadBalancer, overrides } = request;
  const workerType = workerTypes[0]!;
  const table: Readonly<Record<string, number>> = prices.instanceHour;
  const priceOf = (type: string) => overrides.get(type) ?? table[type];
  const [web, worker] = [priceOf(webType), priceOf(workerType)];
  if (web === undefined || worker === undefined) {
    throw new UnknownPriceError([webType, workerType].filter((type) => priceOf(type) === undefined));
  }
  const disk = (prices.diskGigabytes * prices.diskGigabyteMonth) / HOURS_A_MONTH;
  const fixed = [
    { what: `web instance and controller, ${webType}`, hourly: web },
    { what: `its disk, ${prices.diskGigabytes} GB`, hourly: disk },
    { what: 'its public address', hourly: prices.publicIpv4Hour },
    { what: 'requests while nobody asks anything', hourly: idleHourly() },
    ...(hasLoadBalancer
      ? [
          {
            what: 'load balancer, with two addresses',
            hourly: prices.loadBalancerHour + 2 * prices.publicIpv4Hour,
          },
        ]
      : []),
  ];
  // In the default network each worker gets an address too.
  const perWorker = worker + disk + prices.publicIpv4Hour;
  const base = fixed.reduce((sum, { hourly }) => sum + hourly, 0);
  const counts = [...new Set([minWorkers, Math.max(1, minWorkers), maxWorkers])];
  return {
    date: prices.date,
    region: prices.region,
    currency: prices.currency,
    source: prices.source,
    fixed,
    perWorker,
    workerType,
    hourly: counts.map((workers) => ({ workers, price: base + workers * perWorker })),
    perThousandPictures:
      WRITES_PER_PICTURE * prices.s3WritesPer1000 +
      READS_PER_PICTURE * prices.s3ReadsPer1000 +
      QUEUE_CALLS_PER_PICTURE * prices.queueCallsPer1000,
  };
}

function idleHourly(): number {
  return (
    (IDLE_WRITES_AN_HOUR * prices.s3WritesPer1000 +
      IDLE_READS_AN_HOUR * prices.s3ReadsPer1000 +
      IDLE_QUEUE_CALLS_AN_HOUR * prices.queueCallsPer1000) /
    1000
  );
}
