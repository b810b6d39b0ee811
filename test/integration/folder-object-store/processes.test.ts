import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { on, once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { FolderObjectStore } from '../../../src/adapters/local/folder-object-store.ts';
import { createInProcessLock } from '../../support/in-process-lock.ts';
import { forkWithLock } from '../../support/shared-lock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const writer = new URL('./writer.ts', import.meta.url);

test('of two processes that create the same keys, each key has one winner', async () => {
  await using folder = temporaryFolder();
  const withLock = createInProcessLock();
  const writers = [1, 2].map(() => forkWithLock(writer, [folder.path, 'listen'], withLock));
  try {
    await Promise.all(writers.map((child) => nextMessage(child, 'ready')));
    const keys = Array.from({ length: 60 }, (_, index) => `race/${index}`);
    const answers = writers.map((child) => nextMessage<string[]>(child, 'won'));
    for (const child of writers) child.send({ race: keys });
    const won = await Promise.all(answers);
    assert.deepEqual(won.flat().sort(), [...keys].sort());
    const store = new FolderObjectStore({ bucket: 'test', folder: folder.path, withLock });
    for (const [index, child] of writers.entries()) {
      for (const key of won[index] ?? []) {
        const found = await store.get(key);
        assert.equal((await found?.bytes())?.toString(), String(child.pid));
        assert.equal(found?.info.metadata.writer ?? String(child.pid), String(child.pid));
      }
    }
  } finally {
    await Promise.all(writers.map(kill));
  }
});

test('a counter that two processes compare and swap loses no step', async () => {
  await using folder = temporaryFolder();
  const withLock = createInProcessLock();
  const store = new FolderObjectStore({ bucket: 'test', folder: folder.path, withLock });
  await store.put('counter', Buffer.from('0'));
  const writers = [1, 2].map(() => forkWithLock(writer, [folder.path, 'listen'], withLock));
  try {
    await Promise.all(writers.map((child) => nextMessage(child, 'ready')));
    const answers = writers.map((child) => nextMessage<number>(child, 'counted'));
    for (const child of writers) child.send({ count: 60 });
    await Promise.all(answers);
    assert.equal((await (await store.get('counter'))?.bytes())?.toString(), '120');
  } finally {
    await Promise.all(writers.map(kill));
  }
});

test('kill -9 in the middle of puts loses nothing that was stored, and leaves nothing behind', async () => {
  await using folder = temporaryFolder();
  const withLock = createInProcessLock();
  const store = () => new FolderObjectStore({ bucket: 'test', folder: folder.path, withLock });
  for (let round = 0; round < 6; round++) {
    const child = forkWithLock(writer, [folder.path, 'overwrite'], withLock);
    const acknowledged = await killAfter(child, 8 + round * 3);
    await assertWhole(store(), child.pid ?? 0, acknowledged);
    await store().put('any/change', Buffer.from('sweeps'));
    assert.deepEqual(await readdir(join(folder.path, '.tmp')), []);
  }
});

/** Resolves to the last version that the child said was stored. */
async function killAfter(child: ChildProcess, versions: number): Promise<number> {
  let last = 0;
  for await (const [message] of on(child, 'message', { close: ['exit'] })) {
    if (typeof message.version === 'number') last = message.version;
    if (last >= versions) break;
  }
  await kill(child);
  return last;
}

async function assertWhole(store: FolderObjectStore, pid: number, acknowledged: number): Promise<void> {
  for (const key of ['over/0', 'over/1', 'over/2']) {
    const found = await store.get(key);
    const body = await found!.bytes();
    const version = Number(found!.info.metadata.version);
    assert.equal(found!.info.metadata.size, String(body.length));
    assert.ok(body.equals(Buffer.alloc(1 + (version % 7) * 9_000, version % 251)));
    assert.ok(version > acknowledged - 3, `${key} is version ${version} after ${acknowledged} were stored`);
  }
  for (let version = 1; version <= acknowledged; version++) {
    const head = await store.head(`new/${pid}-${version}`);
    assert.equal(head?.metadata.version, version % 5 === 0 ? undefined : String(version));
  }
}

async function nextMessage<T>(child: ChildProcess, field: string): Promise<T> {
  for await (const [message] of on(child, 'message', { close: ['exit'] }))
    if (field in message) return message[field];
  throw new Error('unreachable: messages go on until the child dies');
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
