/**
 * Throughput of the whole service against as many bare pipelines as there are cores, in the same run, in turns.
 *
 * `node bench/service.ts [--count 5000] [--rounds 2] [--json]`; the ratio is what counts, the machine is noisy.
 */
import { fork } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { enrolSitters, inParallel, type NamedPicture, picturesOf } from '../test/prove/check.ts';
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
const CLIENTS = 100;
const BOUNDARY = 'facefleet-bench';
const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });

await using service = await Service.start({ flags: ['--min-workers', String(cores)] });
const people = await enrolSitters(service);
const pictures = await picturesOf(people, { count: 100, seed: 1, sidePx: 64 });
const bodies = pictures.map(formOf);
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
agent.destroy();
if (values.json) console.log(JSON.stringify({ pictures: count, cores, ratio: Number(ratio?.toFixed(3)) }));

/** Pictures a second over HTTP, 100 clients. */
async function serve(pictureCount: number): Promise<number> {
  const startedAt = performance.now();
  await inParallel(Array.from({ length: pictureCount }), CLIENTS, async (_, index) => {
    const picture = pictures[index % pictures.length]!;
    const answer = await send(bodies[index % bodies.length]!);
    if (answer !== `test_00:${picture.name}`) throw new Error(`${answer}, expected ${picture.name}`);
  });
  return (pictureCount / (performance.now() - startedAt)) * 1000;
}

/** As lean as a client can be: what it costs is taken from the service's two cores. */
function send(body: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = {
      'Content-Type': `multipart/form-data; boundary=${BOUNDARY}`,
      'Content-Length': body.length,
    };
    const call = request(service.url, { method: 'POST', agent, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      answer.on('end', () => resolve(text)).on('error', reject);
    });
    call.on('error', reject).end(body);
  });
}

function formOf({ bytes }: NamedPicture): Buffer {
  const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="inputFile"; filename="test_00.jpg"\r\nContent-Type: image/jpeg\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), bytes, Buffer.from(`\r\n--${BOUNDARY}--\r\n`)]);
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
