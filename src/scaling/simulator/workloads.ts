import { Random } from './random.ts';

/** A trace of arrivals: seconds since its start, ascending. */
export interface Workload {
  readonly name: string;
  readonly arrivals: readonly number[];
}

type Maker = (random: Random) => number[];

const HOUR = 3600;

/** Jobs a second over time, as a Poisson process: thinned from one at the highest rate. */
function poisson(random: Random, seconds: number, peak: number, rateAt: (at: number) => number): number[] {
  const arrivals: number[] = [];
  for (let at = random.exponential(1 / peak); at < seconds; at += random.exponential(1 / peak)) {
    if (random.next() * peak < rateAt(at)) arrivals.push(at);
  }
  return arrivals;
}

const burst =
  (count: number): Maker =>
  (random) =>
    Array.from({ length: count }, () => 5 + random.next()).sort((one, other) => one - other);

/** The canonical set. */
const CANONICAL: Readonly<Record<string, Maker>> = {
  steady: (random) => poisson(random, HOUR, 8, () => 8),
  diurnal: (random) =>
    poisson(random, 2 * HOUR, 20, (at) => 10 - 9.5 * Math.cos((2 * Math.PI * at) / (2 * HOUR))),
  'flash crowd': (random) => poisson(random, HOUR / 2, 30, (at) => (at > 600 && at < 900 ? 30 : 1)),
  'on/off': (random) => poisson(random, HOUR, 10, (at) => (at % 360 < 120 ? 10 : 0)),
  'burst of 50': burst(50),
  'burst of 1000': burst(1000),
  sparse: (random) => poisson(random, 2 * HOUR, 1 / 90, () => 1 / 90),
};

/** Shapes that the policy was not developed on. */
const OTHERS: Readonly<Record<string, Maker>> = {
  'two-state bursts': (random) => {
    const arrivals: number[] = [];
    for (let at = 0, isBusy = false; at < HOUR; isBusy = !isBusy) {
      const until = at + random.exponential(isBusy ? 40 : 160);
      const rate = isBusy ? 15 : 0.5;
      for (at += random.exponential(1 / rate); at < until; at += random.exponential(1 / rate))
        arrivals.push(at);
      at = until;
    }
    return arrivals.filter((at) => at < HOUR);
  },
  'heavy-tailed batches': (random) => {
    const arrivals: number[] = [];
    for (let at = random.exponential(45); at < HOUR; at += random.exponential(45)) {
      const size = Math.min(600, Math.ceil(random.pareto(3, 1.1)));
      for (let job = 0; job < size; job++) arrivals.push(at + random.next() * 2);
    }
    return arrivals.sort((one, other) => one - other);
  },
  steps: (random) => {
    const rates = Array.from({ length: 12 }, () => 25 * random.next() ** 2);
    return poisson(random, HOUR, 25, (at) => rates[Math.floor(at / 300)] ?? 0);
  },
  ramp: (random) => poisson(random, HOUR / 2, 24, (at) => (24 * at) / (HOUR / 2)),
  sawtooth: (random) => poisson(random, HOUR, 16, (at) => (16 * (at % 600)) / 600),
  'slow trickle': (random) => poisson(random, HOUR, 0.3, () => 0.3),
  'random rates': (random) => {
    const arrivals: number[] = [];
    for (let at = 0; at < HOUR / 4; ) {
      const until = at + 5 + random.exponential(30);
      const rate = random.next() < 0.4 ? 0 : 40 * random.next() ** 2;
      const seconds = Math.min(until, HOUR / 4) - at;
      for (const one of poisson(random, seconds, Math.max(rate, 1e-3), () => rate)) arrivals.push(at + one);
      at = until;
    }
    return arrivals;
  },
  'every five minutes': (random) => {
    const arrivals: number[] = [];
    for (let at = 60; at < HOUR; at += 300)
      for (let job = 0; job < 120; job++) arrivals.push(at + random.next() * 3);
    return arrivals.sort((one, other) => one - other);
  },
  weekend: (random) =>
    poisson(random, 2 * HOUR, 12, (at) => {
      const day = Math.floor(at / 1030);
      return day >= 5 ? 0.05 : 6 - 6 * Math.cos((2 * Math.PI * at) / 1030);
    }),
};

export const CANONICAL_NAMES = Object.keys(CANONICAL);
export const OTHER_NAMES = Object.keys(OTHERS);

/** @throws RangeError for a name that is none. */
export function makeWorkload(name: string, seed: number): Workload {
  const make = CANONICAL[name] ?? OTHERS[name];
  if (make === undefined) {
    const known = [...CANONICAL_NAMES, ...OTHER_NAMES].join(', ');
    throw new RangeError(`no workload is called ${JSON.stringify(name)}; there are ${known}`);
  }
  return { name, arrivals: make(new Random(seed)) };
}
