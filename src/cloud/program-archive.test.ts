import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { temporaryFolder } from '../../test/support/temporary-folder.ts';
import { packProgram } from './program-archive.ts';
import { tarOf } from './tar.ts';

const root = join(import.meta.dirname, '..', '..');

test('the archive holds what an instance needs, unpacks with tar, and is the same every time', async () => {
  await using folder = temporaryFolder();
  const archive = await packProgram(root);
  assert.deepEqual(await packProgram(root), archive);
  writeFileSync(join(folder.path, 'program.tgz'), archive.bytes);
  execFileSync('tar', ['-xzf', 'program.tgz'], { cwd: folder.path });
  for (const file of ['package-lock.json', '.npmrc', 'src/cli/main.ts', 'deploy/image/install.sh']) {
    assert.deepEqual(readFileSync(join(folder.path, file)), readFileSync(join(root, file)), file);
  }
  const names = execFileSync('tar', ['-tzf', 'program.tgz'], { cwd: folder.path, encoding: 'utf8' })
    .trim()
    .split('\n');
  assert.equal(names.length, archive.fileCount);
  assert.ok(
    !names.some((name) => name.includes('node_modules') || name.endsWith('.test.ts') || name === '.env'),
  );
});

test('an installed package is no clone', async () => {
  await using folder = temporaryFolder();
  mkdirSync(join(folder.path, 'src'));
  writeFileSync(join(folder.path, 'package.json'), '{}');
  await assert.rejects(packProgram(folder.path), { code: 'bad-request' });
});

test('long paths are split, longer ones refused', async () => {
  const entry = (path: string) => ({ path, content: Buffer.from('x'), isExecutable: false });
  const long = `${'a'.repeat(90)}/${'b'.repeat(90)}`;
  await using folder = temporaryFolder();
  writeFileSync(join(folder.path, 'a.tar'), tarOf([entry(long)]));
  assert.equal(execFileSync('tar', ['-tf', 'a.tar'], { cwd: folder.path, encoding: 'utf8' }).trim(), long);
  assert.throws(() => tarOf([entry('c'.repeat(101))]), RangeError);
  assert.equal(gunzipSync((await packProgram(root)).bytes).length % 512, 0);
});
