import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { smallEmbedder } from '../../../test/support/small-embedder.ts';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';

const launcher = join(import.meta.dirname, '..', '..', '..', 'bin', 'facefleet.js');

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe('facefleet models', () => {
  test('converts and verifies, and repairs what was damaged', async () => {
    await using folder = temporaryFolder();
    const dataDir = folder.path;
    const resultsOf = async (outcome: Promise<Outcome>) => {
      const { code, stdout } = await outcome;
      const rows: { model: string; result: string }[] = JSON.parse(stdout);
      return { code, results: rows.map(({ result }) => result) };
    };
    const fresh = await resultsOf(facefleet(dataDir, 'models', 'verify', '--json'));
    assert.deepEqual(fresh, { code: 0, results: Array(5).fill('converted') });
    await writeFile(join(dataDir, 'models', 'onet.onnx'), 'damaged');
    const again = await resultsOf(facefleet(dataDir, 'models', 'verify', '--json'));
    assert.deepEqual(again.results.toSorted(), ['repaired', ...Array(4).fill('verified')]);
  });

  test('adds a pack, chooses it, and lets go of it only when another is chosen', async () => {
    await using folder = temporaryFolder();
    const dataDir = folder.path;
    const source = join(dataDir, 'source');
    await mkdir(source);
    await writeFile(join(source, 'net.onnx'), smallEmbedder());
    await writeFile(join(source, 'manifest.json'), '{"version": 1, "id": "mine", "model": "net.onnx"}');
    const chosen = async () => {
      const note: { pack: string } = JSON.parse(
        await readFile(join(dataDir, 'models', 'active.json'), 'utf8'),
      );
      return note.pack;
    };

    assert.equal((await facefleet(dataDir, 'models', 'add', source)).code, 0);
    assert.equal((await facefleet(dataDir, 'models', 'use', 'mine')).code, 0);
    assert.equal(await chosen(), 'mine');
    assert.equal((await facefleet(dataDir, 'models', 'remove', 'mine')).code, 1);
    assert.equal((await facefleet(dataDir, 'models', 'use', 'fast')).code, 0);
    assert.equal(await chosen(), 'fast');
    assert.equal((await facefleet(dataDir, 'models', 'remove', 'mine')).code, 0);
  });

  test('prints answers on stdout and a word on stderr when called wrongly', async () => {
    await using folder = temporaryFolder();
    const dataDir = folder.path;
    const listed = await facefleet(dataDir, 'models');
    assert.equal(listed.code, 0);
    assert.match(listed.stdout, /\* {2}fast/, 'the star marks the active pack');
    const wrong = await facefleet(dataDir, 'models', 'use');
    assert.equal(wrong.code, 2);
    assert.equal(wrong.stdout, '');
  });
});

function facefleet(dataDir: string, ...words: string[]): Promise<Outcome> {
  const env = { PATH: process.env.PATH, FACEFLEET_DATA_DIR: dataDir };
  return new Promise((resolve) => {
    execFile(process.execPath, [launcher, ...words], { env, cwd: dataDir }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}
