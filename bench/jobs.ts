/**
 * With 100,000 jobs of the last week kept in folders: how long the first page of the list takes, and the pages that follow it,
 * beside reading the names in two folders by themselves; and how long it takes to erase somebody with a few jobs among 10,000
 * of others, beside looking at every picture that is kept. Fails when a page takes longer than a second, one that follows
 * longer than 50 ms at the median, or an erasure not less than looking at all.
 *
 * `node bench/jobs.ts [--jobs 100000] [--others 10000] [--json]`
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { encodeFacts } from '../src/adapters/local/folder/body-facts.ts';
import { FolderObjectStore } from '../src/adapters/local/folder-object-store.ts';
import { systemClock as clock } from '../src/adapters/local/system-clock.ts';
import { erasePerson } from '../src/gallery/erasure.ts';
import { JobList } from '../src/jobs/job-list.ts';
import { inputKey, resultKey, sentInSinceKey } from '../src/jobs/keys.ts';
import type { Buckets } from '../src/jobs/stores.ts';
import { faceOf, GalleryScene, jobIdAt } from '../test/support/gallery-scene.ts';
import { temporaryFolder } from '../test/support/temporary-folder.ts';

const DAYS = 7;
const PAGE = 50;
const LIMITS_MS = { first: 1000, next: 50 };
/** Whoever is erased has so many jobs of their own. */
const THEIRS = 20;

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '100000' },
    others: { type: 'string', default: '10000' },
    json: { type: 'boolean', default: false },
  },
});
const [jobs, others] = [Number(values.jobs), Number(values.others)];

await using folder = temporaryFolder();
const listed = await listing(await seeded('listed', jobs));
const erased = await erasing(others);
const faults = [
  ...(listed.firstMs > LIMITS_MS.first ? [`the first page takes over ${LIMITS_MS.first} ms`] : []),
  ...(listed.nextMs > LIMITS_MS.next ? [`a page that follows takes over ${LIMITS_MS.next} ms`] : []),
  ...(erased.notedMs >= erased.allMs ? ['an erasure takes as long as looking at all'] : []),
];
process.stdout.write(
  values.json ? `${JSON.stringify({ jobs, others, listed, erased, faults })}\n` : asText(),
);
if (faults.length > 0) process.exitCode = 1;

function asText(): string {
  const { firstMs, nextMs, nextMost, namesMs } = listed;
  const { notedMs, allMs, jobs: theirs } = erased;
  return [
    `${jobs.toLocaleString('en')} jobs of ${DAYS} days`,
    `  first page of ${PAGE}      ${firstMs.toFixed(0)} ms, ${(firstMs / namesMs).toFixed(1)} times reading the names in two folders (${namesMs.toFixed(0)} ms)`,
    `  pages that follow    ${nextMs.toFixed(1)} ms at the median, ${nextMost.toFixed(0)} ms at most`,
    `somebody with ${theirs} jobs among ${others.toLocaleString('en')}`,
    `  erased in            ${notedMs.toFixed(0)} ms; looking at every picture ${allMs.toFixed(0)} ms, ${(allMs / notedMs).toFixed(1)} times that`,
    ...faults.map((fault) => `  TOO SLOW ${fault}`),
    '',
  ].join('\n');
}

function bucketsIn(name: string): Buckets {
  const store = (bucket: string) =>
    new FolderObjectStore({
      bucket,
      folder: join(folder.path, name, bucket),
      withLock: (_lock, work) => work(),
    });
  return { input: store('in'), output: store('out'), state: store('state') };
}

/** One recognition, and copies of it under ids of the last week: written past the store, which would sync each. */
async function seeded(name: string, count: number): Promise<Buckets> {
  const buckets = bucketsIn(name);
  const scene = new GalleryScene(buckets, clock);
  const { record, picture } = await scene.recognise(new Float32Array(192).fill(0.1));
  const { metadata, contentType } = (await buckets.input.head(record.inputKey))!;
  const upload = fileOf(name, 'in', inputKey(record.jobId));
  const result = fileOf(name, 'out', resultKey(record.jobId));
  const resultText = readFileSync(result, 'utf8');
  for (let at = 0; at < count; at++) {
    const jobId = jobIdAt(clock.now() - (DAYS * 86_400_000 * at) / count);
    const inIts = (text: string) => text.replaceAll(record.jobId, jobId);
    const facts = encodeFacts({ contentType, metadata: { record: inIts(metadata.record ?? '') } });
    writeFileSync(inIts(upload), Buffer.concat([picture, facts]));
    writeFileSync(inIts(result), inIts(resultText));
  }
  return buckets;
}

/** Where the store keeps an object: found, since how names are encoded is its own affair. */
function fileOf(name: string, bucket: string, key: string): string {
  const root = join(folder.path, name, bucket);
  const last = key.slice(key.lastIndexOf('/') + 1);
  const found = readdirSync(root, { recursive: true, encoding: 'utf8' }).find((one) => one.endsWith(last));
  if (found === undefined) throw new Error(`${key} is not to be found in ${root}`);
  return join(root, found);
}

async function listing(buckets: Buckets) {
  const config = { dialect: 'native', retentionDays: DAYS } as const;
  const firsts: number[] = [];
  const nexts: number[] = [];
  for (let round = 0; round < 5; round++) {
    const list = new JobList({ buckets, clock, config });
    let after: string | undefined;
    for (let page = 0; page < 40; page++) {
      const start = performance.now();
      const { jobs: found, next } = await list.page({ limit: PAGE, ...(after !== undefined && { after }) });
      (page === 0 ? firsts : nexts).push(performance.now() - start);
      if (found.length !== PAGE) throw new Error(`a page has ${found.length} jobs, expected ${PAGE}`);
      after = next;
    }
  }
  const folders = ['in', 'out'].map((bucket) => {
    const root = join(folder.path, 'listed', bucket);
    return dirname(join(root, readdirSync(root, { recursive: true, encoding: 'utf8' }).at(-1)!));
  });
  const names = Array.from({ length: 5 }, () => {
    const start = performance.now();
    for (const one of folders) readdirSync(one);
    return performance.now() - start;
  });
  return {
    firstMs: median(firsts),
    nextMs: median(nexts),
    nextMost: Math.max(...nexts),
    namesMs: median(names),
  };
}

/** The same person twice: once as it is, once as if no picture's purpose had been noted. */
async function erasing(count: number) {
  const run = async (name: string, since: number) => {
    const buckets = await seeded(name, count);
    await buckets.state.put(sentInSinceKey, Buffer.from(JSON.stringify({ version: 1, since })));
    const scene = new GalleryScene(buckets, clock);
    const her = scene.faces.stranger();
    await scene.enrol('Ada', faceOf(her));
    for (let at = 1; at < THEIRS; at++) await scene.recognise(scene.faces.another(her, 0.9));
    const start = performance.now();
    const report = await erasePerson({ buckets, clock }, 'Ada');
    return { ms: performance.now() - start, jobs: report.jobs };
  };
  const noted = await run('noted', 0);
  const all = await run('all', clock.now() + 86_400_000);
  if (noted.jobs !== THEIRS || all.jobs !== THEIRS)
    throw new Error(`${noted.jobs} and ${all.jobs} jobs were erased, expected ${THEIRS}`);
  return { notedMs: noted.ms, allMs: all.ms, jobs: THEIRS };
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0;
}
