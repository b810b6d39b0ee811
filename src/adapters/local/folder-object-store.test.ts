import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';

import { listKeys, readText } from '../../../test/contract/object-store/subject.ts';
import { objectStoreContract } from '../../../test/contract/object-store.contract.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { createInProcessLock } from '../../../test/support/in-process-lock.ts';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';
import { errorCode, FacefleetError, PreconditionFailedError } from '../../errors.ts';
import { fromFileSystem } from './folder/file-errors.ts';
import { FolderObjectStore, type FolderObjectStoreOptions } from './folder-object-store.ts';

function makeBucket() {
  const temporary = temporaryFolder();
  const folder = join(temporary.path, 'buckets', 'test');
  const withLock = createInProcessLock();
  const another = (options: Partial<FolderObjectStoreOptions> = {}) =>
    new FolderObjectStore({ bucket: 'test', folder, withLock, ...options });
  return { folder, another, store: another(), [Symbol.asyncDispose]: () => temporary[Symbol.asyncDispose]() };
}

objectStoreContract('folder object store', async () => makeBucket());

describe('folder object store: what people find in the folder, and do with it', () => {
  test('a body is a plain file, and odd facts stand behind it', async () => {
    await using bucket = makeBucket();
    await bucket.store.put('test_00', Buffer.from('Paul'), { contentType: 'text/plain' });
    await bucket.store.put('results/1.json', Buffer.from('{}'), { contentType: 'application/json' });
    assert.equal(await readFile(join(bucket.folder, 'test_00'), 'utf8'), 'Paul');
    assert.equal(await readFile(join(bucket.folder, 'results+', '1.json'), 'utf8'), '{}');
    assert.deepEqual((await readdir(bucket.folder)).sort(), ['.tmp', 'results+', 'test_00']);
    await bucket.store.put('uploads/1', Buffer.from('x'), { metadata: { 'file-name': 'a.jpg' } });
    const file = await readFile(join(bucket.folder, 'uploads+', '1'));
    assert.equal(file.subarray(0, 1).toString(), 'x');
    assert.ok(file.includes('a.jpg'));
    assert.deepEqual((await readdir(bucket.folder)).sort(), ['.tmp', 'results+', 'test_00', 'uploads+']);
  });

  test('every put has an etag of its own, also of the same bytes', async () => {
    await using bucket = makeBucket();
    const etags = new Set<string>();
    for (let round = 0; round < 40; round++) {
      if (round % 8 === 7) await bucket.store.delete('key');
      etags.add((await bucket.store.put('key', Buffer.from('same'))).etag);
    }
    assert.equal(etags.size, 40);
  });

  test('a file dropped in is an object, one that is edited a new version', async () => {
    await using bucket = makeBucket();
    await bucket.store.put('uploads/1', Buffer.from('first'), { metadata: { a: 'b' } });
    await writeFile(join(bucket.folder, 'uploads+', 'new.png'), 'not really');
    await writeFile(join(bucket.folder, 'uploads+', '1'), 'edited!');
    const dropped = await bucket.store.head('uploads/new.png');
    assert.deepEqual([dropped?.sizeBytes, dropped?.contentType], [10, 'image/png']);
    const edited = await bucket.store.get('uploads/1');
    assert.deepEqual([(await edited?.bytes())?.toString(), edited?.info.metadata], ['edited!', {}]);
    assert.deepEqual(await listKeys(bucket.store), ['uploads/1', 'uploads/new.png']);
  });

  test('what is no object is passed over', async () => {
    await using bucket = makeBucket();
    await bucket.store.put('a', Buffer.from('x'));
    const outside = join(bucket.folder, '..', 'outside');
    await writeFile(outside, 'secret');
    await writeFile(join(bucket.folder, '.DS_Store'), 'x');
    await writeFile(join(bucket.folder, 'Capital.JPG'), 'x');
    await writeFile(join(bucket.folder, '%61'), 'another way to write a');
    await writeFile(join(bucket.folder, '%ff'), 'no text');
    await symlink(outside, join(bucket.folder, 'link'));
    await mkdir(join(bucket.folder, 'folder'));
    await mkdir(join(bucket.folder, 'plain+'));
    assert.deepEqual(await listKeys(bucket.store), ['a']);
    for (const key of ['link', 'folder', 'plain', 'plain/', 'a/b'])
      assert.equal(await bucket.store.get(key), undefined);
    await writeFile(join(bucket.folder, 'file+'), 'where a folder would be');
    assert.equal(await bucket.store.get('file/x'), undefined);
    await assert.rejects(
      bucket.store.put('file/x', Buffer.from('x')),
      (error) => errorCode(error) === 'unavailable',
    );
  });

  test('metadata survives a copy, also one that keeps no times', async () => {
    await using bucket = makeBucket();
    const metadata = { 'file-name': 'Zoë.jpg' };
    await bucket.store.put('uploads/1', Buffer.from('old'), { metadata: { 'file-name': 'old' } });
    await bucket.store.put('uploads/1', Buffer.from('x'), { metadata, contentType: 'image/webp' });
    const copy = join(bucket.folder, '..', 'copy');
    execFileSync('cp', ['-r', bucket.folder, copy]);
    const copied = bucket.another({ folder: copy });
    const info = await copied.head('uploads/1');
    assert.deepEqual([info?.metadata, info?.contentType], [metadata, 'image/webp']);
    await copied.put('uploads/1', Buffer.from('y'), { ifMatch: info?.etag ?? '' });
    assert.deepEqual((await copied.head('uploads/1'))?.metadata, {});
  });

  for (const [unit, digits] of [
    ['nanosecond', undefined],
    ['microsecond', 6],
    ['millisecond', 3],
    ['second', 0],
  ] as const) {
    test(`metadata that release 0.1 kept apart is found after a copy that keeps times to the ${unit}`, async () => {
      await using bucket = makeBucket();
      await bucket.store.put('uploads/1', Buffer.from('xyz'));
      const file = join(bucket.folder, 'uploads+', '1');
      const { mtimeNs, size } = await stat(file, { bigint: true });
      const facts = { contentType: 'image/webp', metadata: { 'file-name': 'Zoë.jpg' } };
      const entries = [{ mtimeNs: String(mtimeNs), sizeBytes: Number(size), ...facts }];
      await mkdir(join(bucket.folder, '.meta', 'uploads+'), { recursive: true });
      const sidecar = join(bucket.folder, '.meta', 'uploads+', '1');
      await writeFile(sidecar, JSON.stringify({ version: 1, entries }));
      const seconds = Number(mtimeNs) / 1e9;
      if (digits !== undefined) await utimes(file, seconds, seconds.toFixed(digits));
      const store = bucket.another();
      const info = await store.head('uploads/1');
      assert.deepEqual([info?.metadata, info?.contentType], [facts.metadata, facts.contentType]);
      await store.put('uploads/1', Buffer.from('abc'), { ifMatch: info?.etag ?? '' });
      assert.deepEqual((await store.head('uploads/1'))?.metadata, {});
      assert.equal(existsSync(sidecar), false);
    });
  }

  test('deleting leaves no byte and no folder', async () => {
    await using bucket = makeBucket();
    for (const key of ['people/1/face', 'people/1/crop.jpg', 'people/2/face']) {
      await bucket.store.put(key, Buffer.from('template of Zoe'), { metadata: { name: 'Zoe' } });
      await bucket.store.put(key, Buffer.from('later template of Zoe'), { metadata: { name: 'Zoe' } });
    }
    for await (const { key } of bucket.store.list()) await bucket.store.delete(key);
    const left = await readdir(bucket.folder, { recursive: true });
    assert.deepEqual(left, ['.tmp']);
  });

  test('what dead processes left is swept; what is being written is not', async () => {
    await using bucket = makeBucket();
    const abort = new AbortController();
    const slow = new PassThrough();
    slow.write('half');
    const unfinished = bucket.store.put('slow', slow, { maxBytes: 100, signal: abort.signal });
    const temporary = join(bucket.folder, '.tmp');
    await eventually('a temporary file', () => existsSync(temporary) && readdirSync(temporary).length === 1);
    const [ours = ''] = await readdir(temporary);
    const [machine] = ours.split('-');
    const exited = spawnSync(process.execPath, ['--version']).pid;
    await writeFile(join(temporary, `${machine}-${exited}-00-1`), 'a dead process of this machine');
    await writeFile(join(temporary, 'ffffffff-1-00-1'), 'a process of another machine, just now');
    await writeFile(join(temporary, 'ffffffff-1-00-2'), 'a process of another machine, long ago');
    await utimes(join(temporary, 'ffffffff-1-00-2'), 1_000_000, 1_000_000);
    await bucket.another().put('any', Buffer.from('x'));
    assert.deepEqual((await readdir(temporary)).sort(), ['ffffffff-1-00-1', ours].sort());
    slow.end(' and half');
    await unfinished;
    assert.equal(await readText(bucket.store, 'slow'), 'half and half');
  });

  test('a disk without hard links is served under the lock', async () => {
    await using bucket = makeBucket();
    const noLinks = bucket.another({ hasLinks: false });
    await noLinks.put('a/b', Buffer.from('1'), { ifNoneMatch: '*' });
    await assert.rejects(noLinks.put('a/b', Buffer.from('2'), { ifNoneMatch: '*' }), PreconditionFailedError);
    await noLinks.put('a/b', Buffer.from('3'), { metadata: { a: 'b' } });
    assert.equal(await readText(bucket.store, 'a/b'), '3');
  });

  test('a key without an object takes no lock, nor does creating one', async () => {
    await using bucket = makeBucket();
    const store = new FolderObjectStore({
      bucket: 'test',
      folder: bucket.folder,
      withLock: () => Promise.reject(new Error('took the lock')),
    });
    await store.put('a', Buffer.from('x'), { ifNoneMatch: '*' });
    await store.put('b', Buffer.from('x'), { ifNoneMatch: '*', metadata: { a: 'b' } });
    await store.delete('c');
    assert.equal(await readText(store, 'a'), 'x');
    await assert.rejects(store.put('a', Buffer.from('y')), /took the lock/);
  });

  test('a large bucket is listed as it is read', async () => {
    await using bucket = makeBucket();
    await mkdir(join(bucket.folder, 'k+'), { recursive: true });
    for (let index = 0; index < 500; index++) writeFileSync(join(bucket.folder, 'k+', `${index}`), '');
    let count = 0;
    for await (const { key } of bucket.store.list({ prefix: 'k/' })) {
      count++;
      if (key === 'k/1') await rm(join(bucket.folder, 'k+'), { recursive: true });
    }
    // The first entries were looked at before the folder went; the rest was not looked at ahead.
    assert.ok(count < 100, `${count} entries`);
  });
});

describe('folder object store: what the file system says', () => {
  const failure = (code: string) =>
    Object.assign(new Error(code), { code, errno: -1, syscall: 'open', path: '/data/x' });

  test('errors are told in the words of the port, with path and key', () => {
    for (const [code, expected] of [
      ['ENOSPC', 'disk-full'],
      ['EDQUOT', 'disk-full'],
      ['EACCES', 'permission-denied'],
      ['EPERM', 'permission-denied'],
      ['EROFS', 'permission-denied'],
      ['ENAMETOOLONG', 'bad-request'],
      ['EIO', 'unavailable'],
      ['EMFILE', 'unavailable'],
    ] as const) {
      const cause = failure(code);
      const error = fromFileSystem(cause, { bucket: 'b', key: 'k' });
      assert.ok(error instanceof FacefleetError);
      assert.equal(error.code, expected);
      assert.equal(error.cause, cause);
      assert.deepEqual(error.context, { bucket: 'b', key: 'k', path: '/data/x', errno: code });
    }
    const other = new Error('ours');
    assert.equal(fromFileSystem(other, {}), other);
  });
});
