import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { silentLogger } from '../logger.ts';
import { Supervisor } from './supervisor.ts';

const script = join(import.meta.dirname, '../../test/support/supervised-script.ts');
let folder: string;
let supervisor: Supervisor;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'facefleet-supervisor-'));
});
afterEach(() => {
  supervisor.killAll();
  rmSync(folder, { recursive: true, force: true });
});

test('starts children in order, each when the one before is ready, and stops them in reverse', async () => {
  supervisor = supervise({ first: 'calm', second: 'calm' });
  const facts = await supervisor.start();
  assert.equal(typeof facts.first?.pid, 'number');
  await supervisor.stop();
  const order = journal().map(({ word, pid }) => `${word} ${pid === facts.first?.pid ? 'first' : 'second'}`);
  assert.deepEqual(order, ['started first', 'started second', 'parent-stops second', 'parent-stops first']);
});

test('restarts a child that was killed', async () => {
  supervisor = supervise({ only: 'calm' });
  const facts = await supervisor.start();
  process.kill(Number(facts.only?.pid), 'SIGKILL');
  while (journal().length < 2) await sleep(10);
  const pids = journal().map(({ pid }) => pid);
  assert.notEqual(pids[0], pids[1]);
  await supervisor.stop();
});

test('a child that cannot start fails the start with its own words, and is not started again', async () => {
  supervisor = supervise({ first: 'calm', broken: 'fatal' });
  await assert.rejects(supervisor.start(), /port 3001 is taken/);
  await supervisor.stop();
  assert.equal(journal().filter(({ word }) => word === 'started').length, 2);
});

test('a child that ignores the order to stop is killed after the grace time', async () => {
  supervisor = supervise({ only: 'stubborn' }, 50);
  const facts = await supervisor.start();
  await supervisor.stop();
  assert.throws(() => process.kill(Number(facts.only?.pid), 0), { code: 'ESRCH' });
});

function supervise(behaviours: Record<string, string>, stopGraceMs = 10_000): Supervisor {
  return new Supervisor({
    children: Object.entries(behaviours).map(([name, behaviour]) => ({
      name,
      command: process.execPath,
      args: [script, behaviour, join(folder, 'journal')],
      environment: process.env,
      maxBackoffMs: 200,
    })),
    logger: silentLogger,
    stopGraceMs,
  });
}

function journal(): { word: string; pid: number }[] {
  const lines = readFileSync(join(folder, 'journal'), 'utf8').trim().split('\n');
  return lines.map((line) => {
    const [word = '', pid] = line.split(' ');
    return { word, pid: Number(pid) };
  });
}
