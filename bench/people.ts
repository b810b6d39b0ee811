/**
 * People over HTTP with 100,000 of them in the gallery: how long a page of the list, a search, a later page, one person and
 * their faces take, at the median, the 99th percentile and at most, beside asking everybody's name for one search in the same
 * run; how long a web tier that has just started reads its gallery ahead, what that costs in memory, and for how long it keeps
 * others from their answers; and how soon every one of three workers knows a face that was added. Fails when a page, or
 * anybody's answer while the gallery is read, takes longer than 50 ms in one of a hundred cases, a search not less than
 * asking everybody, or a face longer than two seconds.
 *
 * `node bench/people.ts [--people 100000] [--json]`
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { FolderObjectStore } from '../src/adapters/local/folder-object-store.ts';
import { systemClock as clock } from '../src/adapters/local/system-clock.ts';
import { Gallery } from '../src/gallery/gallery.ts';
import { GalleryState } from '../src/gallery/gallery-state.ts';
import { DEFAULT_GALLERY, galleryKeys } from '../src/gallery/keys.ts';
import { swapManifest } from '../src/gallery/manifest.ts';
import { foldName } from '../src/gallery/people-index.ts';
import { writeSegments } from '../src/gallery/segment.ts';
import type { ObjectStore } from '../src/ports/object-store.ts';
import { MemoryDeployment } from '../test/support/memory-deployment.ts';
import { PeopleService, WORD_DIMENSIONS } from '../test/support/people-service.ts';
import { SyntheticFaces } from '../test/support/synthetic-faces.ts';
import { temporaryFolder } from '../test/support/temporary-folder.ts';
import { WebService } from '../test/support/web-service.ts';

const LIMIT_MS = 50;
const LIMIT_SECONDS = 2;
const REPEATS = 300;
const WORKERS = 3;

const { values } = parseArgs({
  options: {
    people: { type: 'string', default: '100000' },
    json: { type: 'boolean', default: false },
  },
});
const people = Number(values.people);

await using folder = temporaryFolder();
const state = new FolderObjectStore({
  bucket: 'state',
  folder: folder.path,
  withLock: (_lock, work) => work(),
});
await writeGallery();
const settled = await loading();
await using service = await PeopleService.start({ workers: WORKERS, deployment: deploymentOnFolder() });
// All have read the gallery before anything is measured.
await service.call('GET', '/v1/people');
await nameOn('somebody');

const source = new SyntheticFaces(3);
const any = () => Math.floor(source.next() * people);
const pages = {
  list: await percentiles(() => get('/v1/people?limit=100')),
  'later page': await percentiles(() => get(`/v1/people?limit=100&cursor=${cursorAt(any())}`)),
  'search, one word': await percentiles(() => get(`/v1/people?search=${any()}`)),
  'search, two words': await percentiles(() => get(`/v1/people?search=${any()}+person`)),
  'search, a letter': await percentiles(() => get('/v1/people?search=z')),
  'search, nobody': await percentiles(() => get('/v1/people?search=nobody%20at%20all')),
  'one person': await percentiles(() => get(`/v1/people/${idOf(any())}`)),
  'their faces': await percentiles(() => get(`/v1/people/${idOf(any())}/faces`)),
  'after a change': await percentiles(async () => {
    await service.call('PATCH', `/v1/people/${idOf(7)}`, { name: `Renamed ${source.next()}` });
    await get('/v1/people?limit=100');
  }, 30),
};
const plain = await askingEverybody();
const seenSeconds = await secondsUntilSeen();

const faults = [
  ...Object.entries({ ...pages, 'others, while it is read': settled.others })
    .filter(([, { p99 }]) => p99 > LIMIT_MS)
    .map(([what, { p99 }]) => `${what}: p99 ${p99.toFixed(0)} ms, expected at most ${LIMIT_MS}`),
  ...(pages['search, nobody'].p50 > plain.p50 ? ['a search takes longer than asking everybody'] : []),
  ...(seenSeconds > LIMIT_SECONDS ? [`a face is seen after ${seenSeconds.toFixed(1)} s`] : []),
];
const figures = { people, ...settled, pages, plain, seenSeconds, faults };
process.stdout.write(values.json ? `${JSON.stringify(figures)}\n` : asText());
if (faults.length > 0) process.exitCode = 1;

function asText(): string {
  const { readyMs, firstMs, loadMs, heldMB, others } = settled;
  const row = (what: string, { p50, p99, most }: Percentiles) =>
    `  ${what.padEnd(25)} ${inMs(p50)} (p99 ${inMs(p99)}, most ${inMs(most)}), ${(p99 / LIMIT_MS).toFixed(2)} of the limit`;
  return [
    `${people.toLocaleString('en')} people`,
    `  a web tier listens after ${inMs(readyMs)} and has read them after ${inMs(loadMs)} more: ${heldMB.toFixed(0)} MB; the first page then takes ${inMs(firstMs)}`,
    ...Object.entries({ 'others, while it is read': others, ...pages }).map(([what, times]) =>
      row(what, times),
    ),
    `  asking everybody's name   ${inMs(plain.p50)}: ${(plain.p50 / pages['search, nobody'].p50).toFixed(1)} times a search`,
    `  a face added              seen by ${WORKERS} workers after ${seenSeconds.toFixed(2)} s`,
    ...faults.map((fault) => `  TOO SLOW ${fault}`),
    '',
  ].join('\n');
}

function inMs(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 0)} ms`;
}

function deploymentOnFolder(): MemoryDeployment {
  // Web tier and workers share this process, so none of them may think that it alone has outgrown its memory.
  const deployment = new MemoryDeployment({ flags: { 'worker-memory-mb': '16000' } });
  // What lists cost is reading for news: in a folder, as on one machine.
  (deployment as { state: ObjectStore }).state = state;
  return deployment;
}

/** A web tier of its own, from its start on, beside what a look at its health takes meanwhile. */
async function loading() {
  const [readyMs, web] = await timed(() =>
    WebService.start({ deployment: deploymentOnFolder(), recognise: false }),
  );
  await using _web = web;
  let isRead = false;
  const reading = timed(async () => {
    await web.fetch('/v1/people?limit=1');
    isRead = true;
  });
  const others: number[] = [];
  while (!isRead) others.push((await timed(() => web.fetch('/healthz').then((answer) => answer.text())))[0]);
  const [loadMs] = await reading;
  const [firstMs] = await timed(() => web.fetch('/v1/people').then((answer) => answer.text()));
  return { readyMs, loadMs, firstMs, heldMB: heldMB(), others: percentilesOf(others) };
}

function heldMB(): number {
  const script = join(import.meta.dirname, 'people', 'held-bytes.ts');
  const text = execFileSync(process.execPath, [script, folder.path], { encoding: 'utf8' });
  const { people: read, bytes } = JSON.parse(text) as { people: number; bytes: number };
  if (read !== people) throw new Error(`${read} people were read, expected ${people}`);
  return bytes / 1e6;
}

/** A folded gallery of people with one face each, loaded by web tier and workers as any. */
async function writeGallery(): Promise<void> {
  const gallery = new GalleryState('all');
  const faces = new SyntheticFaces(1, WORD_DIMENSIONS);
  for (let at = 0; at < people; at++) {
    gallery.roster.add(idOf(at), nameOf(at));
    const row = gallery.faces.push({
      ...{ faceId: idOf(at), person: at, sizePx: 120, embeddingNorm: 70, addedAt: 0 },
      pictureSha256: at.toString(16).padStart(64, '0'),
    });
    gallery.templatesOf('fast', WORD_DIMENSIONS).push(row, faces.stranger());
  }
  const keys = galleryKeys(DEFAULT_GALLERY);
  const segments = await writeSegments(state, keys, gallery, { sequence: 1, now: clock.now() });
  await swapManifest(state, keys.manifest, { version: 1, ...segments, floor: 1, folds: [] }, undefined);
}

function idOf(at: number): string {
  return `00000000-0000-4000-8000-${at.toString(16).padStart(12, '0')}`;
}

/** In another order than their ids. */
function nameOf(at: number): string {
  return `${((at * 7919) % people).toString(36)} Person ${at}`;
}

function cursorAt(at: number): string {
  return Buffer.from(JSON.stringify([foldName(nameOf(at)), idOf(at)])).toString('base64url');
}

async function get(path: string): Promise<void> {
  const { status, body } = await service.call('GET', path);
  if (status !== 200) throw new Error(`${path} was answered with ${status}: ${JSON.stringify(body)}`);
}

/** What a search costs without an index: each name is asked, in order. */
async function askingEverybody(): Promise<Percentiles> {
  const anew = new Gallery({ state, clock });
  const keys = (await anew.people()).map(({ name }) => foldName(name)).sort();
  return percentiles(async () => {
    if (keys.some((key) => ['nobody', 'at', 'all'].every((word) => key.includes(word)))) throw new Error();
  }, 30);
}

async function secondsUntilSeen(): Promise<number> {
  const { body } = await service.call<{ person: { id: string } }>('POST', '/v1/people', { name: 'New' });
  const path = `/v1/people/${body.person.id}/faces`;
  const { status } = await service.send(path, ['somebody-new']);
  if (status !== 200) throw new Error(`the face was answered with ${status}`);
  const start = performance.now();
  for (;;) {
    const names = await Promise.all(Array.from({ length: 4 * WORKERS }, () => nameOn('somebody-new')));
    if (names.every((name) => name === 'New')) return (performance.now() - start) / 1000;
    if (performance.now() - start > 60_000) throw new Error(`after a minute: ${names.join()}`);
  }
}

async function nameOn(words: string): Promise<string | undefined> {
  interface Answer {
    readonly faces: readonly { readonly person: { readonly name: string } | null }[];
  }
  const { body } = await service.send<Answer>('/v1/recognitions', [words]);
  return body.faces[0]?.person?.name;
}

interface Percentiles {
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}

async function percentiles(work: () => Promise<void>, repeats = REPEATS): Promise<Percentiles> {
  for (let warming = 0; warming < Math.min(20, repeats); warming++) await work();
  const times: number[] = [];
  for (let at = 0; at < repeats; at++) times.push((await timed(work))[0]);
  return percentilesOf(times);
}

function percentilesOf(times: readonly number[]): Percentiles {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { p50: at(0.5), p99: at(0.99), most: at(1) };
}

async function timed<T>(work: () => Promise<T>): Promise<[number, T]> {
  const start = performance.now();
  const result = await work();
  return [performance.now() - start, result];
}
