import loadHighs from 'highs';
import { FacefleetError } from '../../errors.ts';

export interface BoundOptions {
  /** Seconds, ascending; at least one. */
  readonly arrivals: readonly number[];
  readonly serviceSeconds: number;
  readonly bootSeconds: number;
  readonly sloSeconds: number;
  readonly billingMinimumSeconds: number;
  readonly concurrency: number;
  readonly maxInstances: number;
  /** Of the grid; the finer, the tighter. Boot time and billing minimum should be multiples. */
  readonly stepSeconds?: number;
  /** Nothing may be launched before the first arrival. */
  readonly isCausal?: boolean;
}

export interface Bound {
  /** Instance-seconds that any schedule without a violation costs at least; undefined: there is no such schedule. */
  readonly costSeconds: number | undefined;
  /** Jobs that will be late whatever is done, as far as the relaxation can tell. */
  readonly violations: number;
}

interface Grid {
  readonly start: number;
  readonly step: number;
  readonly steps: number;
}

// The package's types describe its CommonJS face, Node loads the other one.
const load = loadHighs as unknown as typeof loadHighs.default;
type Highs = Awaited<ReturnType<typeof load>>;
let loading: Promise<Highs> | undefined;

const MOST_ROUNDS = 12;
/** A cut is worth its row when it is violated by this many instances. */
const LEAST_GAP = 0.02;
const WINDOW_EXTRAS = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256];

/**
 * What serving a trace costs at least, for somebody who knows all of it beforehand: the optimum of a linear program
 * that every real schedule satisfies.
 *
 * Time is cut into steps. `L` and `E` are the numbers of instances launched and ended so far, each averaged over its
 * step, so that schedules off the grid satisfy the same rows; `C` is the work done by the end of a step, in jobs. An
 * instance works from its boot on and ends no sooner than the billing minimum; work is done after it has come and
 * before it is due. Instances may be split in this program. So rows are added that no whole number of instances
 * breaks: whatever work has to be done within a window needs its rounded-up share of instances that are there in it.
 * They are found by solving, looking which are violated, and solving again.
 */
export async function costBound(options: BoundOptions): Promise<Bound> {
  loading ??= load();
  const highs = await loading;
  const grid = gridOf(options);
  const cuts = new Set<string>();
  for (let round = 1; ; round++) {
    const result = highs.solve(program(options, grid, [...cuts], 'cost'), { output_flag: false });
    if (result.Status === 'Infeasible')
      return { costSeconds: undefined, violations: leastLate(highs, options, grid) };
    if (result.Status !== 'Optimal') {
      throw new FacefleetError('internal', `the bound's program ended as ${result.Status}, expected Optimal`);
    }
    const value = (name: string) => (result.Columns[name] as { Primal: number } | undefined)?.Primal ?? 0;
    const more = violatedCuts(options, grid, value).filter((cut) => !cuts.has(cut));
    // Every round's optimum is a bound; the last is the tightest.
    if (more.length === 0 || round === MOST_ROUNDS) {
      return { costSeconds: result.ObjectiveValue, violations: 0 };
    }
    for (const cut of more) cuts.add(cut);
  }
}

function leastLate(highs: Highs, options: BoundOptions, grid: Grid): number {
  const result = highs.solve(program(options, grid, [], 'late'), { output_flag: false });
  return Math.max(1, Math.floor(result.ObjectiveValue + 1e-6));
}

function gridOf({ arrivals, bootSeconds, sloSeconds, billingMinimumSeconds, ...rest }: BoundOptions): Grid {
  const { stepSeconds: step = 2, isCausal = false } = rest;
  const first = arrivals[0];
  if (first === undefined) {
    throw new FacefleetError('bad-request', 'the trace has 0 arrivals, expected at least 1');
  }
  const start = isCausal ? first : first - bootSeconds - step;
  // Long enough for the last instance to be paid for in full.
  const end = arrivals.at(-1)! + sloSeconds + billingMinimumSeconds + step;
  return { start, step, steps: Math.ceil((end - start) / step) };
}

/** In CPLEX LP format. For `late`, work may be done late, and the aim is as little of that as possible. */
function program(options: BoundOptions, grid: Grid, cuts: readonly string[], aim: 'cost' | 'late'): string {
  const { step, steps } = grid;
  const bootSteps = Math.floor(options.bootSeconds / step);
  const lifeSteps = Math.floor(options.billingMinimumSeconds / step);
  const pace = (step * options.concurrency) / options.serviceSeconds;
  const rows: string[] = [];
  const bounds: string[] = [];
  const costs: string[] = [];
  const demand = demandOf(options, grid);
  for (let k = 1; k <= steps; k++) {
    const { due, arrived } = demand[k - 1]!;
    costs.push(`+ ${step} L${k} - ${step} E${k}`);
    if (k > 1) rows.push(`L${k} - L${k - 1} >= 0`, `E${k} - E${k - 1} >= 0`, `C${k} - C${k - 1} >= 0`);
    if (k > lifeSteps) rows.push(`L${k - lifeSteps} - E${k} >= 0`);
    else bounds.push(`E${k} = 0`);
    rows.push(`L${k} - E${k} <= ${options.maxInstances}`);
    if (k <= bootSteps) {
      bounds.push(`C${k} = 0`);
      if (due > 0) rows.push(aim === 'late' ? `X >= ${due}` : `C${k} >= ${due}`);
      continue;
    }
    rows.push(`${pace} L${k - bootSteps} - ${pace} E${k} - C${k}${k > 1 ? ` + C${k - 1}` : ''} >= 0`);
    bounds.push(aim === 'late' ? `0 <= C${k} <= ${arrived}` : `${due} <= C${k} <= ${arrived}`);
    if (aim === 'late') rows.push(`C${k} + X >= ${due}`);
  }
  const objective = aim === 'late' ? 'X' : costs.join('\n ');
  return `Minimize\n obj: ${objective}\nSubject To\n ${[...rows, ...cuts].join('\n ')}\nBounds\n ${bounds.join('\n ')}\nEnd\n`;
}

/** Jobs that are due, and that have come, by the end of every step. */
function demandOf({ arrivals, sloSeconds }: BoundOptions, { start, step, steps }: Grid) {
  let due = 0;
  let arrived = 0;
  return Array.from({ length: steps }, (_, index) => {
    const at = start + (index + 1) * step;
    while (arrived < arrivals.length && arrivals[arrived]! <= at) arrived++;
    while (due < arrivals.length && arrivals[due]! + sloSeconds <= at) due++;
    return { due, arrived };
  });
}

/** For every place where a window may begin, the one whose row is violated most. */
function violatedCuts(options: BoundOptions, grid: Grid, value: (name: string) => number): string[] {
  const { arrivals, sloSeconds } = options;
  const cuts: string[] = [];
  let lastFrom = Number.NEGATIVE_INFINITY;
  for (const [index, from] of arrivals.entries()) {
    if (from < lastFrom + grid.step / 2) continue;
    lastFrom = from;
    const candidates = WINDOW_EXTRAS.flatMap((extra) => {
      const until = from + sloSeconds + extra;
      const jobs = countUntil(arrivals, until - sloSeconds + 1e-9) - index;
      return cutOf({ from, until, jobs }, options, grid, value) ?? [];
    });
    const worst = candidates.sort((one, other) => other.gap - one.gap)[0];
    if (worst !== undefined) cuts.push(worst.text);
  }
  return cuts;
}

/**
 * Jobs that come and are due within a window are done by instances that are ready a service time before its end, and
 * end a service time after its beginning at the soonest; none of them does more than fit into it.
 */
function cutOf(
  window: { from: number; until: number; jobs: number },
  { serviceSeconds, bootSeconds, concurrency, maxInstances }: BoundOptions,
  { start, step, steps }: Grid,
  value: (name: string) => number,
): { text: string; gap: number } | undefined {
  const { from, until, jobs } = window;
  const each = concurrency * Math.floor((until - from) / serviceSeconds + 1e-9);
  const needed = Math.ceil(jobs / Math.max(1, each) - 1e-9);
  // The averages of the steps just after and just before bound the numbers at these moments.
  const ready = Math.ceil((until - serviceSeconds - bootSeconds - start) / step - 1e-9) + 1;
  const ended = Math.floor((from + serviceSeconds - start) / step + 1e-9);
  if (needed > maxInstances || ready < 1 || ready > steps || ended > steps) return undefined;
  const gap = needed - value(`L${ready}`) + (ended >= 1 ? value(`E${ended}`) : 0);
  if (gap <= LEAST_GAP) return undefined;
  return { text: `L${ready}${ended >= 1 ? ` - E${ended}` : ''} >= ${needed}`, gap };
}

function countUntil(sorted: readonly number[], limit: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
