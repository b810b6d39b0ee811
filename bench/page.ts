/**
 * What an open page costs. Event streams of 50 browsers beside none, in turns in the same run: how much of a core the web tier
 * spends on them when nothing else happens, and how much recognition throughput is left. The same for one real page in Chromium,
 * where there is one: what that costs is mostly the browser's own drawing, on the cores of the same machine.
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
import { cpuMsOf } from './process-time.ts';
import { Load } from './service/load.ts';

const HELP = `node bench/page.ts [options]
  --streams N    browsers' worth of event streams (50)
  --rounds N     turns with and without, of each kind (6)
  --pictures N   recognised in a turn (600)
  --seconds N    of quiet in a turn (8)
  --no-browser   no real page in Chromium
  --json         figures as JSON; progress goes to standard error
`;
const MOST_CORE_SHARE = 0.05;
const LEAST_RATIO = 0.97;
const CLIENTS = 100;
const DIFFERENT_PICTURES = 100;
const SIDE_PX = 250;

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
await load.serve(count);

const streams = await compare(`${values.streams} streams`, openStreams);
const hasBrowser = !values['no-browser'] && findChromium() !== undefined;
const page = hasBrowser ? await compare('a page in Chromium', openPage) : null;
if (values.json) process.stdout.write(`${JSON.stringify({ cores, streams, page })}\n`);
if (streams.coreShare > MOST_CORE_SHARE || streams.ratio < LEAST_RATIO) process.exitCode = 1;

interface Turn {
  /** Of a core, while nothing else happens. */
  readonly coreShare: number;
  readonly perSecond: number;
  /** Processor milliseconds of the web tier for a picture. */
  readonly cpuMs: number;
}

/** Medians over the rounds, each with what is open beside without it. */
interface Comparison {
  /** What it costs the web tier of a core, while nothing else happens. */
  readonly coreShare: number;
  /** Throughput with it, of that without. */
  readonly ratio: number;
  readonly ratios: readonly number[];
  /** Processor milliseconds of the web tier for a picture, more than without it. */
  readonly cpuMs: number;
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
  const figures = {
    coreShare: median(turns.map(({ without, withIt }) => withIt.coreShare - without.coreShare)),
    ratio: median(ratios),
    ratios: ratios.sort((one, other) => one - other).map((ratio) => Number(ratio.toFixed(3))),
    cpuMs: median(turns.map(({ without, withIt }) => withIt.cpuMs - without.cpuMs)),
  };
  say(
    `${what}: ${(figures.coreShare * 100).toFixed(2)} % of a core in quiet; throughput ${figures.ratio.toFixed(3)} of that without ` +
      `(${figures.ratios.join(', ')}); ${figures.cpuMs.toFixed(2)} ms of processor more a picture in the web tier`,
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
  const { pid } = service.tiers.web;
  const [quietCpu, quietAt] = [cpuMsOf(pid), performance.now()];
  await sleep(seconds * 1000);
  const coreShare = (cpuMsOf(pid) - quietCpu) / (performance.now() - quietAt);
  const busyCpu = cpuMsOf(pid);
  const perSecond = await load.serve(count);
  return { coreShare, perSecond, cpuMs: (cpuMsOf(pid) - busyCpu) / count };
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
  return { [Symbol.asyncDispose]: () => browser.close() };
}

function told({ coreShare, perSecond }: Turn): string {
  return `${perSecond.toFixed(1)} pictures/s and ${(coreShare * 100).toFixed(1)} % of a core`;
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
