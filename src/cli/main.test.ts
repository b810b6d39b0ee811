import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const launcher = join(import.meta.dirname, '..', '..', 'bin', 'facefleet.js');

test('a reader that has gone is no failure', async () => {
  const child = execFile(process.execPath, [launcher, 'simulate', '--help']);
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  // Before anything is written: the first write finds nobody.
  child.stdout?.destroy();
  const code = await new Promise((resolve) => child.once('close', resolve));
  assert.equal(code, 0, said);
  assert.doesNotMatch(said, /EPIPE/);
});
