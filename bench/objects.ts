/**
 * The folder object store: milliseconds a call, one after the other and 16 at once, beside the least that a durable write
 * can cost (write, sync, rename, sync of the folder, without a store) in the same run, in turns.
 *
 * `node bench/objects.ts [--count 500] [--bytes 10000] [--rounds 3] [--json]`
 */
import { mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { FolderObjectStore } from '../src/adapters/local/folder-object-store.ts';
import { createInProcessLock } from '../test/support/in-process-lock.ts';
import { temporaryFolder } from '../test/support/temporary-folder.ts';

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '500' },
    bytes: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
  },
});
const count = Number(values.count);
const body = Buffer.alloc(Number(values.bytes), 7);
const PARALLEL = [1, 16] as const;

await using folder = temporaryFolder();
const store = new FolderObjectStore({
  bucket: 'bench',
  folder: join(folder.path, 'bench'),
  // What the broker adds is measured by `queue`.
  withLock: createInProcessLock(),
});
const bare = join(folder.path, 'bare');
await mkdir(bare);

const CALLS: Readonly<Record<string, (key: string) => Promise<unknown>>> = {
  'bare synced write': (key) => bareWrite(key.replaceAll('/', '-')),
  create: (key) => store.put(`plain/${key}`, body),
  'create with metadata': (key) => store.put(`odd/${key}`, body, { metadata: { 'file-name': 'a.jpg' } }),
  replace: (key) => store.put(`plain/${key}`, body),
  get: async (key) => (await store.get(`plain/${key}`))?.bytes(),
  'get with metadata': async (key) => (await store.get(`odd/${key}`))?.bytes(),
  head: (key) => store.head(`plain/${key}`),
  delete: (key) => store.delete(`plain/${key}`),
};

interface Figures {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

await measure(CALLS['bare synced write'] ?? bareWrite, 1, 'warm-up');
const found = new Map<string, Figures[]>();
for (let round = 1; round <= Number(values.rounds); round++) {
  for (const parallel of PARALLEL) {
    for (const [name, call] of Object.entries(CALLS)) {
      const label = `${name}, ${parallel === 1 ? 'one by one' : `${parallel} at once`}`;
      const figures = await measure(call, parallel, `${round}/${parallel}`);
      found.set(label, [...(found.get(label) ?? []), figures]);
    }
  }
}
const medians = Object.fromEntries([...found].map(([label, rounds]) => [label, medianOf(rounds)]));
if (values.json) console.log(JSON.stringify(medians));
else {
  for (const [label, { perSecond, p50Ms, p99Ms }] of Object.entries(medians)) {
    console.log(
      `${label.padEnd(34)} ${perSecond.toFixed(0).padStart(6)}/s  p50 ${p50Ms.toFixed(2)} ms  p99 ${p99Ms.toFixed(2)} ms`,
    );
  }
}

async function measure(
  call: (key: string) => Promise<unknown>,
  parallel: number,
  run: string,
): Promise<Figures> {
  const times: number[] = [];
  let next = 0;
  const callInTurn = async () => {
    while (next < count) {
      const key = `${run}/${next++}.jpg`;
      const startedAt = performance.now();
      await call(key);
      times.push(performance.now() - startedAt);
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: parallel }, callInTurn));
  const seconds = (performance.now() - startedAt) / 1000;
  times.sort((a, b) => a - b);
  const percentile = (share: number) => times[Math.floor((times.length - 1) * share)] ?? Number.NaN;
  return { perSecond: count / seconds, p50Ms: percentile(0.5), p99Ms: percentile(0.99) };
}

/** The round in the middle, by its median time. */
function medianOf(rounds: readonly Figures[]): Figures {
  const sorted = rounds.toSorted((a, b) => a.p50Ms - b.p50Ms);
  return sorted[Math.floor(sorted.length / 2)]!;
}

async function bareWrite(name: string): Promise<void> {
  const temporary = join(bare, `.${name}`);
  const file = await open(temporary, 'w');
  await file.writeFile(body);
  await file.sync();
  await file.close();
  await rename(temporary, join(bare, name));
  const parent = await open(bare);
  await parent.sync();
  await parent.close();
}
