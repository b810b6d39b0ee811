/**
 * The gallery: how long one face takes to be looked for among 1,000, 10,000 and 100,000 (with `--full` a million)
 * faces of 192 floats, beside a plain loop over the same floats in the same run; how long loading takes, what it costs in
 * memory, and how soon an added face is found. Each size is loaded and searched in a process of its own.
 *
 * `node bench/gallery.ts [--sizes 1000,10000] [--full] [--dimensions 192] [--json]`
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { FolderObjectStore } from '../src/adapters/local/folder-object-store.ts';
import { systemClock as clock } from '../src/adapters/local/system-clock.ts';
import { searchExactly } from '../src/gallery/exact-search.ts';
import { Gallery } from '../src/gallery/gallery.ts';
import { GalleryState } from '../src/gallery/gallery-state.ts';
import { DEFAULT_GALLERY, galleryKeys } from '../src/gallery/keys.ts';
import { swapManifest } from '../src/gallery/manifest.ts';
import { openGalleryReplica } from '../src/gallery/replica.ts';
import { writeSegments } from '../src/gallery/segment.ts';
import { VectorMatrix } from '../src/gallery/vector-matrix.ts';
import { newFace, SyntheticFaces } from '../test/support/synthetic-faces.ts';
import { temporaryFolder } from '../test/support/temporary-folder.ts';

const PACK = 'fast';
const OPTIONS = { falsePositiveRate: 0.01 };
const keys = galleryKeys(DEFAULT_GALLERY);

const { values } = parseArgs({
  options: {
    sizes: { type: 'string' },
    full: { type: 'boolean', default: false },
    dimensions: { type: 'string', default: '192' },
    json: { type: 'boolean', default: false },
    /** Used by the bench itself: measure the gallery in this folder. */
    measure: { type: 'string' },
  },
});
const dimensions = Number(values.dimensions);

if (values.measure === undefined) await benchAll();
else console.log(JSON.stringify(await measure(values.measure)));

async function benchAll(): Promise<void> {
  const sizes = values.sizes?.split(',').map(Number) ?? [1e3, 1e4, 1e5, ...(values.full ? [1e6] : [])];
  for (const faces of sizes) {
    await using folder = temporaryFolder();
    await writeGallery(folder.path, faces);
    const { stdout } = await promisify(execFile)(process.execPath, [
      import.meta.filename,
      '--measure',
      folder.path,
      '--dimensions',
      String(dimensions),
    ]);
    const figures = { faces, ...(JSON.parse(stdout) as Figures) };
    console.log(values.json ? JSON.stringify(figures) : asText(figures));
  }
}

interface Figures {
  readonly loadMs: number;
  readonly residentMB: number;
  readonly rssMB: number;
  /** One face, from the question to the answer with three candidates; p50 and p99. */
  readonly matchMs: number;
  readonly matchP99Ms: number;
  /** The search alone, and a plain loop over the same floats. */
  readonly searchMs: number;
  readonly loopMs: number;
  /** Adding a face, and until a replica that is told holds it. */
  readonly addMs: number;
  readonly refreshMs: number;
}

function asText(figures: Figures & { faces: number }): string {
  const { faces, matchMs, matchP99Ms, searchMs, loopMs, loadMs, residentMB, rssMB, addMs, refreshMs } =
    figures;
  const ms = (value: number) => `${value.toFixed(value < 10 ? 2 : 0)} ms`;
  return [
    `${faces.toLocaleString('en')} faces`,
    `  match      ${ms(matchMs)} (p99 ${ms(matchP99Ms)}); search ${ms(searchMs)}, plain loop ${ms(loopMs)}: ${(loopMs / searchMs).toFixed(1)} times`,
    `  load       ${ms(loadMs)}, ${residentMB.toFixed(0)} MB of gallery, process ${rssMB.toFixed(0)} MB more than before`,
    `  a new face ${ms(addMs)} to add, ${ms(refreshMs)} to take over`,
  ].join('\n');
}

/** A folded gallery of so many strangers, one face each. */
async function writeGallery(folder: string, faces: number): Promise<void> {
  const store = storeIn(folder);
  const source = new SyntheticFaces(1, dimensions);
  const state = new GalleryState('all');
  for (let at = 0; at < faces; at++) {
    const id = `00000000-0000-4000-8000-${at.toString(16).padStart(12, '0')}`;
    state.roster.add(id, `Person ${at}`);
    const row = state.faces.push({
      ...{ faceId: id, person: at, sizePx: 120, embeddingNorm: 70, addedAt: 0 },
      pictureSha256: at.toString(16).padStart(64, '0'),
    });
    state.templatesOf(PACK, dimensions).push(row, uniform(source));
  }
  const segments = await writeSegments(store, keys, state, { sequence: 1, now: clock.now() });
  await swapManifest(store, keys.manifest, { version: 1, ...segments, floor: 1, folds: [] }, undefined);
}

/** Quicker than a stranger without preference, and as good to search among. */
function uniform(source: SyntheticFaces): Float32Array {
  const vector = Float32Array.from({ length: dimensions }, () => source.next() - 0.5);
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

async function measure(folder: string): Promise<Figures> {
  const state = storeIn(folder);
  const source = new SyntheticFaces(2, dimensions);
  const rssBefore = process.memoryUsage.rss();
  const [loadMs, replica] = await timed(() => openGalleryReplica({ state, packId: PACK }));
  await using _ = replica;
  const rssMB = (process.memoryUsage.rss() - rssBefore) / 1e6;
  const residentMB = replica.residentBytes / 1e6;
  const repeats = replica.faces > 500_000 ? 20 : 200;
  const matches = await repeat(repeats, async () => {
    await replica.match([{ embedding: uniform(source), sizePx: 120 }], OPTIONS);
  });
  const { searchMs, loopMs } = await besideALoop(replica.faces, source, repeats / 10);
  const [addMs] = await timed(() => new Gallery({ state, clock }).addFace(newFace('New', uniform(source))));
  const [refreshMs] = await timed(() => replica.refresh());
  return {
    ...{ loadMs, residentMB, rssMB, searchMs, loopMs, addMs, refreshMs },
    matchMs: percentile(matches, 0.5),
    matchP99Ms: percentile(matches, 0.99),
  };
}

/** In turns, on a matrix of its own that is filled as the gallery's is. */
async function besideALoop(faces: number, source: SyntheticFaces, repeats: number) {
  const matrix = new VectorMatrix(dimensions);
  for (let left = faces; left > 0; ) {
    const rows = matrix.extend(left);
    for (let at = 0; at < rows.length; at++) rows[at] = source.next() - 0.5;
    left -= rows.length / dimensions;
  }
  const chunks = matrix.chunks();
  const views = chunks.map(({ buffer, rows }) => new Float32Array(buffer, 0, rows * dimensions));
  const searches: number[] = [];
  const loops: number[] = [];
  for (let at = 0; at < repeats; at++) {
    const probe = uniform(source);
    searches.push(
      ...(await repeat(1, () => searchExactly({ chunks, dimensions, probes: probe, count: 16 }))),
    );
    loops.push(...(await repeat(1, () => views.map((view) => bestRow(view, probe)))));
  }
  return { searchMs: percentile(searches, 0.5), loopMs: percentile(loops, 0.5) };
}

/** Four sums at once, as quick as plain JavaScript gets. */
function bestRow(rows: Float32Array, probe: Float32Array): [row: number, similarity: number] {
  let best = -1;
  let most = -2;
  for (let start = 0; start < rows.length; start += dimensions) {
    let [a, b, c, d] = [0, 0, 0, 0];
    for (let at = 0; at < dimensions; at += 4) {
      a += rows[start + at]! * probe[at]!;
      b += rows[start + at + 1]! * probe[at + 1]!;
      c += rows[start + at + 2]! * probe[at + 2]!;
      d += rows[start + at + 3]! * probe[at + 3]!;
    }
    const similarity = a + b + c + d;
    if (similarity <= most) continue;
    most = similarity;
    best = start / dimensions;
  }
  return [best, most];
}

function storeIn(folder: string): FolderObjectStore {
  // Alone in its folder: there is nobody to be kept out.
  return new FolderObjectStore({
    bucket: 'state',
    folder: join(folder, 'state'),
    withLock: (_name, work) => work(),
  });
}

async function repeat(times: number, work: () => unknown): Promise<number[]> {
  const samples: number[] = [];
  for (let at = 0; at < times; at++) samples.push((await timed(async () => work()))[0]);
  return samples;
}

async function timed<T>(work: () => Promise<T>): Promise<[milliseconds: number, result: T]> {
  const startedAt = performance.now();
  const result = await work();
  return [performance.now() - startedAt, result];
}

function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
