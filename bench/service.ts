/**
 * Throughput of the whole service against as many bare pipelines as there are cores, in the same run, in turns, for pictures of
 * several sizes; and on Linux where the processor time of a picture goes.
 *
 * `node bench/service.ts [--count 5000] [--sides 64,250,640] [--rounds 1] [--json]`; the ratio is what counts, the machine is noisy.
 */
import { fork } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { enrolSitters, type NamedPicture, picturesOf } from '../test/prove/check.ts';
import { eventually, Service, temporaryFolder } from '../test/support/service.ts';
import { cpuMsOf } from './process-time.ts';
import { Load } from './service/load.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '5000' },
    sides: { type: 'string', default: '64,250,640' },
    rounds: { type: 'string', default: '1' },
    json: { type: 'boolean' },
    help: { type: 'boolean' },
  },
});
if (values.help) {
  console.log('npm run bench -- service [--count 5000] [--sides 64,250,640] [--rounds 1] [--json]');
  process.exit(0);
}
const count = Number(values.count);
const cores = availableParallelism();
const CLIENTS = 100;
const WARM_UP = 300;
const DIFFERENT_PICTURES = 100;

await using service = await Service.start({ flags: ['--min-workers', String(cores)] });
const people = await enrolSitters(service);
await eventually('all workers run', () => service.workers().length === cores, 30);

const ratios: Record<string, number> = {};
for (const sidePx of values.sides.split(',').map(Number)) ratios[`${sidePx}px`] = await compare(sidePx);
if (values.json) console.log(JSON.stringify({ pictures: count, cores, ratios }));

/** The median ratio of the rounds. */
async function compare(sidePx: number): Promise<number> {
  const pictures = await picturesOf(people, { count: DIFFERENT_PICTURES, seed: 1, sidePx });
  const folder = await writePictures(pictures);
  using load = new Load(service.url, pictures, CLIENTS);
  await load.serve(WARM_UP);
  const rounds: number[] = [];
  for (let round = 1; round <= Number(values.rounds); round++) {
    const bare = await barePipelines(folder);
    const before = tierTimes();
    const perSecond = await load.serve(count);
    rounds.push(perSecond / bare.perSecond);
    const ratio = (perSecond / bare.perSecond).toFixed(3);
    console.log(
      `${sidePx} px: ${cores} bare pipelines ${bare.perSecond.toFixed(1)}/s, service ${perSecond.toFixed(1)}/s, ratio ${ratio}`,
    );
    console.log(`  ms of processor a picture: bare ${bare.cpuMs.toFixed(2)}; ${shares(before, tierTimes())}`);
  }
  const rising = rounds.sort((a, b) => a - b);
  return Number(rising[Math.floor(rising.length / 2)]?.toFixed(3));
}

/** Processor milliseconds of each tier so far; empty where the system does not tell. */
function tierTimes(): Map<string, number> {
  const { web, broker, controller } = service.tiers;
  const tiers: [string, number[]][] = [
    ['workers', service.workers()],
    ['web', [web.pid]],
    ['broker', [broker.pid]],
    ['controller', [controller.pid]],
    ['client', [process.pid]],
  ];
  return new Map(tiers.map(([tier, pids]) => [tier, pids.reduce((sum, pid) => sum + cpuMsOf(pid), 0)]));
}

function shares(before: Map<string, number>, after: Map<string, number>): string {
  return [...after]
    .map(([tier, ms]) => `${tier} ${((ms - (before.get(tier) ?? 0)) / count).toFixed(2)}`)
    .join(', ');
}

/** `cores` processes that only recognise, all at once. Workers are idle meanwhile. */
async function barePipelines(folder: string): Promise<{ perSecond: number; cpuMs: number }> {
  const each = Math.ceil(count / cores);
  const script = join(import.meta.dirname, 'bare-pipeline.ts');
  const children = Array.from({ length: cores }, () =>
    fork(script, [join(service.dataDir, 'models'), folder, String(each)]),
  );
  const said = () =>
    Promise.all(
      children.map((child) => new Promise<{ cpuMs: number }>((resolve) => child.once('message', resolve))),
    );
  await said();
  const startedAt = performance.now();
  const done = said();
  for (const child of children) child.send('go');
  const reports = await done;
  return {
    perSecond: ((each * cores) / (performance.now() - startedAt)) * 1000,
    cpuMs: reports.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / (each * cores),
  };
}

async function writePictures(all: readonly NamedPicture[]): Promise<string> {
  const target = join(temporaryFolder(), 'pictures');
  await mkdir(target, { recursive: true });
  await Promise.all(all.map(({ bytes }, index) => writeFile(join(target, `${index}.jpg`), bytes)));
  return target;
}
