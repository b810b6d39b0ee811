/**
 * `npm run bench` runs the canonical set, one after the other; each compares itself with a peer in the same run.
 * `npm run bench -- queue --json` runs one, with its own options; `npm run bench -- --list` says which there are.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

interface Bench {
  readonly name: string;
  readonly summary: string;
  /** Needs nothing but the machine: part of the run without arguments. */
  readonly isCanonical: boolean;
}

const BENCHES: readonly Bench[] = [
  { name: 'objects', summary: 'puts and gets in folders, beside bare synced writes', isCanonical: true },
  {
    name: 'queue',
    summary: 'messages a second and wake-ups, beside SQLite shared without a broker',
    isCanonical: true,
  },
  { name: 'gallery', summary: 'searching and loading galleries, beside a plain loop', isCanonical: true },
  { name: 'service', summary: 'the whole service, beside bare pipelines', isCanonical: true },
  { name: 'recognise', summary: 'recognising one picture, beside its bare parts', isCanonical: true },
  {
    name: 'people',
    summary: 'lists, searches and changes with 100,000 people, beside asking everybody',
    isCanonical: true,
  },
  {
    name: 'jobs',
    summary: 'listing 100,000 jobs, erasing somebody among 10,000, beside bare listings and looks',
    isCanonical: true,
  },
  {
    name: 'page',
    summary: 'what 50 open pages cost the web tier and the throughput, beside none',
    isCanonical: true,
  },
  { name: 'telemetry', summary: 'what metrics and spans cost a picture', isCanonical: true },
  { name: 'accuracy', summary: 'how well a pack tells people apart; needs pictures', isCanonical: false },
];

const [name, ...options] = process.argv.slice(2);
if (name === undefined) {
  for (const bench of BENCHES.filter(({ isCanonical }) => isCanonical)) {
    console.log(`\n== ${bench.name}: ${bench.summary}`);
    process.exitCode = Math.max(Number(process.exitCode ?? 0), await run(bench.name, []));
  }
} else if (name === '--list' || name === '--help') {
  process.stdout.write(list());
} else if (BENCHES.some((bench) => bench.name === name)) {
  process.exitCode = await run(name, options);
} else {
  process.stderr.write(`no bench is called ${JSON.stringify(name)}; there are\n${list()}`);
  process.exitCode = 2;
}

/** Resolves to the exit code. A process of its own: what one bench leaves in memory must not slow the next. */
async function run(bench: string, words: readonly string[]): Promise<number> {
  const script = join(import.meta.dirname, `${bench}.ts`);
  const child = spawn(process.execPath, [script, ...words], { stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  return typeof code === 'number' ? code : 1;
}

function list(): string {
  return BENCHES.map((bench) => `  ${bench.name.padEnd(10)} ${bench.summary}\n`).join('');
}
