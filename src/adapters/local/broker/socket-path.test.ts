import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../../../test/support/temporary-folder.ts';
import { makePrivateFolder, socketPath } from './socket-path.ts';

test('the socket lies in the data folder while its path is short enough', () => {
  assert.equal(socketPath('/srv/facefleet'), '/srv/facefleet/broker/broker.sock');
});

test('a long data folder has its socket below the temporary folder, the same by every way to it', async () => {
  await using folder = temporaryFolder();
  const dataDir = join(folder.path, 'ü'.repeat(60));
  mkdirSync(dataDir);
  const link = join(folder.path, `${'l'.repeat(120)}`);
  symlinkSync(dataDir, link);
  const path = socketPath(dataDir, { temporaryFolder: '/tmp' });
  assert.match(path, /^\/tmp\/facefleet-\d+\/[0-9a-f]{24}\.sock$/);
  assert.equal(socketPath(link, { temporaryFolder: '/tmp' }), path);
  const other = join(folder.path, 'o'.repeat(120));
  mkdirSync(other);
  assert.notEqual(socketPath(other, { temporaryFolder: '/tmp' }), path);
});

test('where no path is short enough it says so', async () => {
  await using folder = temporaryFolder();
  const dataDir = join(folder.path, 'd'.repeat(100));
  mkdirSync(dataDir);
  assert.throws(() => socketPath(dataDir, { temporaryFolder: dataDir }), { code: 'config-invalid' });
});

test('a private folder is for its owner alone, and one that others may enter is refused', async () => {
  await using folder = temporaryFolder();
  const made = join(folder.path, 'private');
  makePrivateFolder(made);
  makePrivateFolder(made);
  assert.equal(statSync(made).mode & 0o777, 0o700);
  chmodSync(made, 0o755);
  assert.throws(() => makePrivateFolder(made), { code: 'permission-denied' });
  const link = join(folder.path, 'link');
  symlinkSync(folder.path, link);
  assert.throws(() => makePrivateFolder(link), { code: 'permission-denied' });
});
