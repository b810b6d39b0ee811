/**
 * People over HTTP with 100,000 of them in the gallery: how long a page of the list, a search, a later page, one person and
 * their faces take, at the median and the 99th percentile, beside sorting everybody anew for one page in the same run; how
 * long loading takes; and how soon every one of three workers knows a face that was added. Fails when a page takes longer
 * than 50 ms at the median, or a face longer than two seconds.
 *
 * `node bench/people.ts [--people 100000] [--json]`
 */
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

const LIMIT_MS = 50;
const LIMIT_SECONDS = 2;
const REPEATS = 200;
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
// Web tier and workers share this process, so none of them may think that it alone has outgrown its memory.
const deployment = new MemoryDeployment({ flags: { 'worker-memory-mb': '16000' } });
// What lists cost is reading for news: in a folder, as on one machine.
(deployment as { state: ObjectStore }).state = state;
await using service = await PeopleService.start({ workers: WORKERS, deployment });

const rssBefore = process.memoryUsage.rss();
const [firstMs] = await timed(() => get('/v1/people'));
const rssMB = (process.memoryUsage.rss() - rssBefore) / 1e6;
const source = new SyntheticFaces(3);
const any = () => Math.floor(source.next() * people);
const pages = {
  list: await percentiles(() => get('/v1/people?limit=100')),
  'later page': await percentiles(() => get(`/v1/people?limit=100&cursor=${cursorAt(any())}`)),
  'search, one word': await percentiles(() => get(`/v1/people?search=${any()}`)),
  'search, nobody': await percentiles(() => get('/v1/people?search=nobody%20at%20all')),
  'one person': await percentiles(() => get(`/v1/people/${idOf(any())}`)),
  'their faces': await percentiles(() => get(`/v1/people/${idOf(any())}/faces`)),
  'after a change': await percentiles(async () => {
    await service.call('PATCH', `/v1/people/${idOf(7)}`, { name: `Renamed ${source.next()}` });
    await get('/v1/people?limit=100');
  }, 30),
};
const anew = new Gallery({ state, clock });
const anewMs = (await percentiles(sortAnew, 10)).p50;
const seenSeconds = await secondsUntilSeen();

const slowest = Math.max(...Object.values(pages).map(({ p50 }) => p50));
const figures = { people, firstMs, rssMB, pages, anewMs, seenSeconds };
process.stdout.write(values.json ? `${JSON.stringify(figures)}\n` : asText());
if (slowest > LIMIT_MS || seenSeconds > LIMIT_SECONDS) process.exitCode = 1;

function asText(): string {
  const ms = (value: number) => `${value.toFixed(value < 10 ? 2 : 0)} ms`;
  return [
    `${people.toLocaleString('en')} people, first answer ${ms(firstMs)} (loading), ${rssMB.toFixed(0)} MB more`,
    ...Object.entries(pages).map(
      ([what, { p50, p99 }]) =>
        `  ${what.padEnd(17)} ${ms(p50)} (p99 ${ms(p99)}), ${(p50 / LIMIT_MS).toFixed(3)} of the limit`,
    ),
    `  sorted anew       ${ms(anewMs)}: ${(anewMs / pages.list.p50).toFixed(0)} times a page of the list`,
    `  a face added      seen by ${WORKERS} workers after ${seenSeconds.toFixed(2)} s`,
    '',
  ].join('\n');
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

/** What a page costs without an index. */
async function sortAnew(): Promise<void> {
  (await anew.people()).slice(0, 100);
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

async function percentiles(
  work: () => Promise<void>,
  repeats = REPEATS,
): Promise<{ p50: number; p99: number }> {
  for (let warming = 0; warming < Math.min(20, repeats); warming++) await work();
  const times: number[] = [];
  for (let at = 0; at < repeats; at++) times.push((await timed(work))[0]);
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  return { p50: at(0.5), p99: at(0.99) };
}

async function timed<T>(work: () => Promise<T>): Promise<[number, T]> {
  const start = performance.now();
  const result = await work();
  return [performance.now() - start, result];
}
