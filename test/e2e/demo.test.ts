import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

const demo = join(import.meta.dirname, '..', '..', 'scripts', 'demo.ts');

test('npm run demo introduces people and finds them again', async () => {
  // A port where nothing of ours listens: the demo must not use, and change, a service of the one who runs this test.
  const env = { ...process.env, FACEFLEET_PORT: '9', FACEFLEET_LOG_LEVEL: 'error' };
  const { stdout } = await promisify(execFile)(process.execPath, [demo], { env });
  for (const name of ['Alex', 'Robin', 'Sam', 'Kim']) {
    assert.match(stdout, new RegExp(`^ +${name.toLowerCase()}_64:${name} `, 'm'), 'the portrait, smaller');
  }
  assert.match(stdout, /^ +sample3:Robin /m, 'on another photograph');
  assert.match(stdout, /^ +sample5:unknown /m, 'nobody was introduced');
  assert.match(stdout, /147\d,20\d +Robin +similarity/);
});
