/**
 * `npm run dev`: the service, started again whenever a source changes, with a few people in its gallery.
 *
 * Words after `--` go to `facefleet up`. Data lies in `.facefleet-dev` unless FACEFLEET_DATA_DIR says otherwise.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { watch } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';

import type { ParentMessage } from '../src/supervisor/child-link.ts';
import { runCommand } from '../test/support/service.ts';
import { temporaryFolder } from '../test/support/temporary-folder.ts';
import { writeSamplePeople } from './sample-people.ts';

const root = join(import.meta.dirname, '..');
const launcher = join(root, 'bin', 'facefleet.js');
const dataDir = process.env.FACEFLEET_DATA_DIR ?? resolve('.facefleet-dev');
const environment = { ...process.env, FACEFLEET_DATA_DIR: dataDir };
/** Editors write several files at once, or one in several steps. */
const SETTLE_MS = 200;

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort(signal));

let isSeeded = false;
let restarting: Promise<void> | undefined;
let service = start();
let settled: NodeJS.Timeout | undefined;
try {
  for await (const { filename } of watch(join(root, 'src'), { recursive: true, signal: stop.signal })) {
    if (filename === null || filename.endsWith('.test.ts')) continue;
    clearTimeout(settled);
    settled = setTimeout(() => void restart(filename), SETTLE_MS);
  }
} catch (error) {
  if (!stop.signal.aborted) throw error;
} finally {
  clearTimeout(settled);
  await end(service);
}

function start(): ChildProcess {
  const child = spawn(process.execPath, [launcher, 'up', ...process.argv.slice(2)], {
    env: environment,
    // Over the channel it learns that it should stop, also when this process dies.
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  createInterface({ input: child.stdout! }).on('line', (line) => {
    process.stdout.write(`${line}\n`);
    if (!isSeeded) void seed();
  });
  child.once('exit', (code) => {
    if (code !== 0 && !stop.signal.aborted) process.stderr.write('dev: it ended; waiting for a change\n');
  });
  return child;
}

/** A change that comes while the old service stops starts no second one. */
function restart(changed: string): Promise<void> {
  restarting ??= (async () => {
    process.stderr.write(`dev: ${changed} changed, starting again\n`);
    await end(service);
    restarting = undefined;
    if (!stop.signal.aborted) service = start();
  })();
  return restarting;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  // Not a signal: Ctrl-C reaches it from the terminal already, and a second one would end it at once.
  if (child.connected) child.send({ type: 'stop' } satisfies ParentMessage);
  await exited;
}

/** Once it runs; people who are there already are not added again. */
async function seed(): Promise<void> {
  isSeeded = true;
  await using folder = temporaryFolder();
  const people = await writeSamplePeople(folder.path);
  const { code, stderr } = await runCommand(['enroll', folder.path], { FACEFLEET_DATA_DIR: dataDir });
  const names = people.map(({ name }) => name).join(', ');
  process.stderr.write(code === 0 ? `dev: the gallery knows ${names}\n` : `dev: enrolling failed\n${stderr}`);
}
