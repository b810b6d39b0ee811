/**
 * `npm run measure:image`: what Facefleet adds to an image, and how long a worker on it takes to take jobs.
 *
 * Installs the program as an instance does, from its archive and the package registry, into a temporary folder; prunes it;
 * then starts a worker on it several times, with converted models and a warm code cache, as in an image that was baked.
 * Exits with 1 above 700 MB or a median of 8 s.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { packProgram } from '../../src/cloud/program-archive.ts';

const MAX_MEGABYTES = 700;
const MAX_READY_SECONDS = 8;
const STARTS = 5;

const here = import.meta.dirname;
const folder = mkdtempSync(join(tmpdir(), 'facefleet-image-'));
try {
  const program = join(folder, 'opt');
  const { bytes, fileCount } = await packProgram(join(here, '..', '..'));
  execFileSync('mkdir', [program]);
  writeFileSync(join(folder, 'program.tgz'), bytes);
  execFileSync('tar', ['-xzf', join(folder, 'program.tgz'), '-C', program]);
  say('archive', `${(bytes.length / 1e6).toFixed(1)} MB, ${fileCount} files`);
  const install = ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  execFileSync('npm', install, { cwd: program, stdio: ['ignore', 'ignore', 'inherit'] });
  say('installed', `${megabytes(program)} MB`);
  execFileSync('bash', [join(program, 'deploy', 'image', 'prune.sh'), program], { stdio: 'inherit' });
  const node = join(program, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node');
  const dataDir = join(folder, 'data');
  const facefleet = [join(program, 'bin', 'facefleet.js')];
  const environment = { PATH: process.env.PATH, FACEFLEET_DATA_DIR: dataDir, FACEFLEET_LOG_FORMAT: 'json' };
  execFileSync(node, [...facefleet, 'models', 'verify'], {
    env: environment,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const size = megabytes(program) + megabytes(dataDir);
  say('pruned, with models', `${size} MB (limit ${MAX_MEGABYTES})`);

  const broker = spawn(node, [...facefleet, 'broker'], {
    env: environment,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const times: number[] = [];
  try {
    for (let round = 0; round <= STARTS; round++) {
      const seconds = await secondsUntilReady(node, [...facefleet, 'worker'], environment);
      // The first one fills the code cache.
      if (round > 0) times.push(seconds);
      else say('first start', `${seconds.toFixed(2)} s`);
    }
  } finally {
    await ended(broker);
  }
  times.sort((a, b) => a - b);
  const [median = 0, slowest = 0] = [times[STARTS >> 1], times.at(-1)];
  say(
    'worker ready',
    `median ${median.toFixed(2)} s, slowest ${slowest.toFixed(2)} s of ${STARTS} (limit ${MAX_READY_SECONDS})`,
  );
  say('machine', `${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)}`);
  process.exitCode = size < MAX_MEGABYTES && median < MAX_READY_SECONDS ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function say(what: string, figure: string): void {
  console.log(`${what.padEnd(22)}${figure}`);
}

/** From the process's start until it says that it takes jobs. */
async function secondsUntilReady(command: string, args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const startedAt = performance.now();
  const worker = spawn(command, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  try {
    for await (const line of createInterface({ input: worker.stderr })) {
      if (line.includes('"msg":"ready for jobs"')) return (performance.now() - startedAt) / 1000;
    }
    throw new Error('the worker ended before it was ready');
  } finally {
    await ended(worker);
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.stderr?.resume();
  child.kill('SIGTERM');
  await gone;
}

/** On the disk, each file once. */
function megabytes(path: string): number {
  const bytes = readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((total, entry) => total + statSync(join(entry.parentPath, entry.name)).blocks * 512, 0);
  return Math.round(bytes / 1e6);
}
