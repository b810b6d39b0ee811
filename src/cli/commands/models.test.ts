import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
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
  test('converts and verifies, several processes at once, and repairs what was damaged', async () => {
    await using folder = temporaryFolder();
    const dataDir = folder.path;
    const resultsOf = async (outcome: Promise<Outcome>) => {
      const { code, stdout } = await outcome;
      const rows: { model: string; result: string }[] = JSON.parse(stdout);
      return { code, results: rows.map(({ result }) => result) };
    };
    const fresh = Array.from({ length: 3 }, () =>
      resultsOf(facefleet(dataDir, 'models', 'verify', '--json')),
    );
    for (const { code, results } of await Promise.all(fresh)) {
      assert.equal(code, 0);
      assert.ok(!results.includes('repaired') && !results.includes('failed'), results.join());
    }
    assert.equal((await readdir(join(dataDir, 'models'))).length, 5, 'whole files, nothing beside them');
    await writeFile(join(dataDir, 'models', 'onet.onnx'), 'damaged');
    const again = await resultsOf(facefleet(dataDir, 'models', 'verify', '--json'));
    assert.deepEqual(again.results.toSorted(), ['repaired', ...Array(4).fill('verified')]);
  });

  test('adds a pack, chooses it, and holds on to the active one', async () => {
    await using folder = temporaryFolder();
    const dataDir = folder.path;
    const source = join(dataDir, 'source');
    await mkdir(source);
    await writeFile(join(source, 'net.onnx'), smallEmbedder());
    await writeFile(join(source, 'manifest.json'), '{"version": 1, "id": "mine", "model": "net.onnx"}');
    assert.equal((await facefleet(dataDir, 'models', 'add', source)).code, 0);
    assert.equal((await facefleet(dataDir, 'models', 'use', 'mine')).code, 0);
    const note: { pack: string } = JSON.parse(await readFile(join(dataDir, 'models', 'active.json'), 'utf8'));
    assert.equal(note.pack, 'mine');
    assert.equal((await facefleet(dataDir, 'models', 'remove', 'mine')).code, 1);
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
