/**
 * What an open page costs. Event streams of 50 browsers beside none, in turns in the same run: how much of a core the web tier and
 * the whole service spend on them when nothing else happens, and how much recognition throughput is left. The same for one real page in
 * Chromium, where there is one: what that costs is mostly the browser's own drawing, on the cores of the same machine.
 *
 * Fails when the streams cost the web tier more than 5 % of a core, or more than 3 % of the throughput at the median.
 */
import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { LINGER_MS } from '../src/web/fleet/fleet-watch.ts';
import { findChromium, openChromium } from '../test/browser/chromium.ts';
import { enrolSitters, picturesOf } from '../test/prove/check.ts';
import { eventually, Service } from '../test/support/service.ts';
import { cpuMsOf, descendantsOf } from './process-time.ts';
import { Load } from './service/load.ts';

const HELP = `node bench/page.ts [options]
  --streams N    browsers' worth of event streams (50)
  --rounds N     turns with and without, of each kind (6)
  --pictures N   recognised in a turn (600); 0: quiet alone
  --seconds N    of quiet in a turn (8)
  --no-browser   no real page in Chromium
  --json         figures as JSON; progress goes to standard error
`;
const MOST_CORE_SHARE = 0.05;
const LEAST_RATIO = 0.97;
const CLIENTS = 100;
const DIFFERENT_PICTURES = 100;
const SIDE_PX = 250;
const SETTLE_MS = 4000;

const { values } = parseArgs({
  options: {
    streams: { type: 'string', default: '50' },
    rounds: { type: 'string', default: '6' },
    pictures: { type: 'string', default: '600' },
    seconds: { type: 'string', default: '8' },
    'no-browser': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit();
}
const [rounds, count, seconds] = [Number(values.rounds), Number(values.pictures), Number(values.seconds)];
const cores = availableParallelism();

await using service = await Service.start({ flags: ['--min-workers', String(cores)] });
const sitters = await enrolSitters(service);
await eventually('all workers run', () => service.workers().length === cores, 60);
const pictures = await picturesOf(sitters, { count: DIFFERENT_PICTURES, seed: 1, sidePx: SIDE_PX });
using load = new Load(service.url, pictures, CLIENTS);
if (count > 0) await load.serve(count);

const streams = await compare(`${values.streams} streams`, openStreams);
const hasBrowser = !values['no-browser'] && findChromium() !== undefined;
const page = hasBrowser ? await compare('a page in Chromium', openPage) : null;
if (values.json) process.stdout.write(`${JSON.stringify({ cores, streams, page })}\n`);
if (streams.web > MOST_CORE_SHARE || (count > 0 && streams.ratio < LEAST_RATIO)) process.exitCode = 1;

/** Shares of a core. */
interface Shares {
  readonly web: number;
  /** Web tier, broker, controller and workers. */
  readonly service: number;
  /** Chromium, or whoever reads the streams. */
  readonly readers: number;
}

interface Turn {
  /** While nothing else happens. */
  readonly quiet: Shares;
  readonly perSecond: number;
  /** Processor milliseconds of the whole service and of who reads, for a picture. */
  readonly cpuMs: number;
}

/** Medians over the rounds, each with what is open beside without it; shares are of what it costs while nothing else happens. */
interface Comparison extends Shares {
  /** Throughput with it, of that without. */
  readonly ratio: number;
  readonly ratios: readonly number[];
  /** Processor time for a picture without it, of that with it: the same where cores are full, and less moved by who else is on the machine. */
  readonly cpuRatio: number;
}

async function compare(what: string, open: () => Promise<AsyncDisposable>): Promise<Comparison> {
  const turns: { readonly without: Turn; readonly withIt: Turn }[] = [];
  for (let round = 1; round <= rounds; round++) {
    const isFirst = round % 2 === 1;
    const first = isFirst ? await turnWithout() : await turnWith(open);
    const second = isFirst ? await turnWith(open) : await turnWithout();
    const [without, withIt] = isFirst ? [first, second] : [second, first];
    turns.push({ without, withIt });
    say(`${what}, round ${round}: ${told(without)} without, ${told(withIt)} with`);
  }
  const ratios = turns.map(({ without, withIt }) => withIt.perSecond / without.perSecond);
  const cost = (whose: keyof Shares) =>
    median(turns.map(({ without, withIt }) => withIt.quiet[whose] - without.quiet[whose]));
  const figures = {
    web: cost('web'),
    service: cost('service'),
    readers: cost('readers'),
    ratio: median(ratios),
    ratios: ratios.sort((one, other) => one - other).map((ratio) => Number(ratio.toFixed(3))),
    cpuRatio: median(turns.map(({ without, withIt }) => without.cpuMs / withIt.cpuMs)),
  };
  say(
    `${what}: ${percent(figures.web)} of a core in the web tier in quiet, ${percent(figures.service)} in the whole service, ` +
      `${percent(figures.readers)} in who reads` +
      (count === 0
        ? ''
        : `; throughput ${figures.ratio.toFixed(3)} of that without (${figures.ratios.join(', ')}); ` +
          `by processor time for a picture ${figures.cpuRatio.toFixed(3)}`),
  );
  return figures;
}

/** The web tier looks on for a while after the last watcher has gone. */
async function turnWithout(): Promise<Turn> {
  await sleep(LINGER_MS + 1000);
  return await turn();
}

async function turnWith(open: () => Promise<AsyncDisposable>): Promise<Turn> {
  await using _opened = await open();
  return await turn();
}

async function turn(): Promise<Turn> {
  const [before, quietAt] = [timesOf(), performance.now()];
  await sleep(seconds * 1000);
  const [after, tookMs] = [timesOf(), performance.now() - quietAt];
  const share = (whose: keyof Shares) => (after[whose] - before[whose]) / tookMs;
  const quiet = { web: share('web'), service: share('service'), readers: share('readers') };
  if (count === 0) return { quiet, perSecond: Number.NaN, cpuMs: Number.NaN };
  const busy = timesOf();
  const perSecond = await load.serve(count);
  const done = timesOf();
  const cpuMs = (done.service + done.readers - busy.service - busy.readers) / count;
  return { quiet, perSecond, cpuMs };
}

/** Processor milliseconds so far. */
function timesOf(): Shares {
  const sum = (pids: readonly number[]) => pids.reduce((total, pid) => total + cpuMsOf(pid), 0);
  const own = new Set([service.pid, ...descendantsOf(service.pid), ...service.workers()]);
  const others = descendantsOf(process.pid).filter((pid) => !own.has(pid));
  return { web: cpuMsOf(service.tiers.web.pid), service: sum([...own]), readers: sum(others) };
}

async function openStreams(): Promise<AsyncDisposable> {
  const child = fork(join(import.meta.dirname, 'event-streams.ts'), [service.url, values.streams]);
  const gone = new Promise((resolve) => child.once('exit', resolve));
  await new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', (code) => reject(new Error(`the streams ended with ${code}`)));
  });
  return {
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await gone;
    },
  };
}

async function openPage(): Promise<AsyncDisposable> {
  const browser = await openChromium();
  const opened = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await opened.goto(`${service.url}/ui/#/fleet`);
  await opened.getByText('Live', { exact: true }).waitFor();
  // What it costs to open is another matter.
  await sleep(SETTLE_MS);
  return { [Symbol.asyncDispose]: () => browser.close() };
}

function told({ quiet, perSecond }: Turn): string {
  const speed = count === 0 ? '' : `${perSecond.toFixed(1)} pictures/s, `;
  return `${speed}${percent(quiet.service)} of a core in quiet`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

function median(numbers: readonly number[]): number {
  const rising = [...numbers].sort((one, other) => one - other);
  const middle = (rising.length - 1) / 2;
  return (rising[Math.floor(middle)]! + rising[Math.ceil(middle)]!) / 2;
}

function say(line: string): void {
  if (values.json) process.stderr.write(`${line}\n`);
  else console.log(line);
}
