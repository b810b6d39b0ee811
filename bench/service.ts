/**
 * Throughput of the whole service against as many bare pipelines as there are cores, in the same run, in turns.
 *
 * `node bench/service.ts [--count 5000] [--rounds 2] [--json]`; the ratio is what counts, the machine is noisy.
 */
import { fork } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { enrolSitters, inParallel, type NamedPicture, picturesOf, post } from '../test/prove/check.ts';
import { eventually, Service, temporaryFolder } from '../test/support/service.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '5000' },
    rounds: { type: 'string', default: '2' },
    json: { type: 'boolean' },
  },
});
const count = Number(values.count);
const cores = availableParallelism();

await using service = await Service.start({ flags: ['--min-workers', String(cores)] });
const people = await enrolSitters(service);
const pictures = await picturesOf(people, { count: 100, seed: 1, sidePx: 64 });
const folder = await writePictures(pictures);
await eventually('all workers run', () => service.workers().length === cores, 30);
await serve(200);

const ratios: number[] = [];
for (let round = 1; round <= Number(values.rounds); round++) {
  const bare = await barePipelines();
  const served = await serve(count);
  ratios.push(served / bare);
  console.log(
    `round ${round}: ${cores} bare pipelines ${bare.toFixed(1)}/s, service ${served.toFixed(1)}/s, ratio ${(served / bare).toFixed(3)}`,
  );
}
const ratio = ratios.sort((a, b) => a - b)[Math.floor(ratios.length / 2)];
if (values.json) console.log(JSON.stringify({ pictures: count, cores, ratio: Number(ratio?.toFixed(3)) }));

/** Pictures a second over HTTP, 100 clients. */
async function serve(pictureCount: number): Promise<number> {
  const startedAt = performance.now();
  await inParallel(Array.from({ length: pictureCount }), 100, async (_, index) => {
    const picture = pictures[index % pictures.length]!;
    const { status, text } = await post(service.url, picture.bytes);
    if (status !== 200 || !text.endsWith(`:${picture.name}`))
      throw new Error(`${status} ${text}, expected ${picture.name}`);
  });
  return (pictureCount / (performance.now() - startedAt)) * 1000;
}

/** Pictures a second of `cores` processes that only recognise, all at once. Workers are idle meanwhile. */
async function barePipelines(): Promise<number> {
  const each = Math.ceil(count / cores);
  const script = join(import.meta.dirname, 'bare-pipeline.ts');
  const children = Array.from({ length: cores }, () =>
    fork(script, [join(service.dataDir, 'models'), folder, String(each)]),
  );
  const said = () =>
    Promise.all(children.map((child) => new Promise((resolve) => child.once('message', resolve))));
  await said();
  const startedAt = performance.now();
  const done = said();
  for (const child of children) child.send('go');
  await done;
  return ((each * cores) / (performance.now() - startedAt)) * 1000;
}

async function writePictures(all: readonly NamedPicture[]): Promise<string> {
  const target = join(temporaryFolder(), 'pictures');
  await mkdir(target, { recursive: true });
  await Promise.all(all.map(({ bytes }, index) => writeFile(join(target, `${index}.jpg`), bytes)));
  return target;
}
