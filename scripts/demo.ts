/**
 * `npm run demo`: introduces four people to Facefleet and asks it who is on a few pictures.
 *
 * It talks to the service that runs on this data folder; without one it starts its own, on a free port, with a folder
 * that is gone afterwards.
 */
import { readFile } from 'node:fs/promises';
import { basename, relative } from 'node:path';
import sharp from 'sharp';

import { loadConfig } from '../src/config.ts';
import { runCommand, Service } from '../test/support/service.ts';
import { temporaryFolder } from '../test/support/temporary-folder.ts';
import { samplePhotograph, writeSamplePeople } from './sample-people.ts';

interface Target {
  readonly url: string;
  readonly dataDir: string;
  readonly apiKey: string | undefined;
  readonly isOwn: boolean;
}

const startedAt = performance.now();
const { config } = loadConfig();
await using stack = new AsyncDisposableStack();
const target = (await runningService()) ?? (await ownService());
await using folder = temporaryFolder();

say('1. Introduce four people, a portrait each:');
const people = await writeSamplePeople(folder.path);
const enrolled = await runCommand(['enroll', folder.path], { FACEFLEET_DATA_DIR: target.dataDir });
if (enrolled.code !== 0) throw new Error(`facefleet enroll ended with ${enrolled.code}\n${enrolled.stderr}`);
say(`   facefleet enroll <folder>      ${people.map(({ name }) => name).join(', ')}`);

say('2. Ask who is on a picture. POST / names the largest face:');
for (const { name, portrait } of people) {
  const small = await sharp(portrait).resize(64, 64).modulate({ brightness: 0.9 }).jpeg().toBuffer();
  await ask(`${name.toLowerCase()}_64.jpg`, small, 'the portrait, 64 pixels wide and darker');
}
await ask(
  basename(samplePhotograph(3)),
  await readFile(samplePhotograph(3)),
  'Robin again, on another photograph',
);
await ask(
  basename(samplePhotograph(5)),
  await readFile(samplePhotograph(5)),
  'five people whom nobody introduced',
);

say('3. Or ask for everybody. POST /v1/recognitions:');
const everybody = await recognise(await readFile(samplePhotograph(1)));
for (const { box, person, similarity } of everybody.faces) {
  const place = `${Math.round(box.width)} px wide face at ${Math.round(box.x)},${Math.round(box.y)}`;
  say(`   ${place.padEnd(34)} ${(person?.name ?? 'unknown').padEnd(8)} similarity ${similarity?.toFixed(2)}`);
}
say(`Done in ${((performance.now() - startedAt) / 1000).toFixed(1)} s. Next:`);
if (target.isOwn) say('   npm start                             the service, to keep');
say('   npx facefleet enroll --help           introduce your own people');
say(`   curl -F inputFile=@${relative('.', samplePhotograph(6))} http://127.0.0.1:${config.port}/`);

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function runningService(): Promise<Target | undefined> {
  const url = `http://127.0.0.1:${config.port}`;
  try {
    const answer = await fetch(`${url}/version`, { signal: AbortSignal.timeout(2_000) });
    const { name } = (await answer.json()) as { name?: string };
    if (name !== 'facefleet') return undefined;
  } catch {
    // Nobody listens there, or somebody else.
    return undefined;
  }
  say(`Using the service that runs on ${url}; the four people stay in its gallery.`);
  return { url, dataDir: config.dataDir, apiKey: config.apiKeys[0], isOwn: false };
}

async function ownService(): Promise<Target> {
  say(
    'No service runs here, so one is started for the demo (a moment the first time: models are converted) …',
  );
  const { url, dataDir } = stack.use(await Service.start());
  return { url, dataDir, apiKey: undefined, isOwn: true };
}

async function ask(fileName: string, picture: Buffer, remark: string): Promise<void> {
  const form = new FormData();
  form.set('inputFile', new Blob([new Uint8Array(picture)], { type: 'image/jpeg' }), fileName);
  const answer = await post('/', form);
  say(`   ${(await answer.text()).trim().padEnd(24)} ${remark}`);
}

interface Recognition {
  readonly faces: readonly {
    readonly box: { readonly x: number; readonly y: number; readonly width: number };
    readonly person: { readonly name: string } | null;
    readonly similarity: number | null;
  }[];
}

async function recognise(picture: Buffer): Promise<Recognition> {
  const answer = await post('/v1/recognitions', new Uint8Array(picture), { 'content-type': 'image/jpeg' });
  return (await answer.json()) as Recognition;
}

async function post(
  path: string,
  body: FormData | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
) {
  const key = target.apiKey === undefined ? {} : { authorization: `Bearer ${target.apiKey}` };
  const answer = await fetch(new URL(path, target.url), {
    method: 'POST',
    body,
    headers: { ...headers, ...key },
  });
  if (!answer.ok) throw new Error(`POST ${path} was answered with ${answer.status}: ${await answer.text()}`);
  return answer;
}
