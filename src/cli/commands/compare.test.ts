import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import sharp from 'sharp';

import { samplePath, samplePicture } from '../../../test/support/sample-pictures.ts';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';

const launcher = join(import.meta.dirname, '..', '..', '..', 'bin', 'facefleet.js');

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function facefleet(dataDir: string, ...words: string[]): Promise<Outcome> {
  const args = [launcher, ...words, '--data-dir', dataDir];
  return new Promise((resolve) => {
    execFile(process.execPath, args, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

describe('facefleet detect and compare', () => {
  test('detect says where faces are, and draws them', async () => {
    await using folder = temporaryFolder();
    const drawn = join(folder.path, 'drawn.png');
    const { code, stdout } = await facefleet(folder.path, 'detect', samplePath(4), '--json', '--draw', drawn);
    assert.equal(code, 0);
    const { width, height, faces } = JSON.parse(stdout);
    assert.deepEqual([width, height, faces.length], [1920, 1448, 4]);
    assert.equal('embedding' in faces[0], false);
    const { box } = faces[0];
    const edge = { left: Math.round(box.x), top: Math.round(box.y + 20), width: 1, height: 1 };
    const pixelOf = async (picture: string) => [
      ...(await sharp(picture).extract(edge).removeAlpha().raw().toBuffer()),
    ];
    assert.notDeepEqual(await pixelOf(drawn), await pixelOf(samplePath(4)));
  });

  test('compare tells one person from two, at the rate that was asked for', async () => {
    await using folder = temporaryFolder();
    const smaller = join(folder.path, 'smaller.webp');
    await writeFile(
      smaller,
      await sharp(await samplePicture(3))
        .resize(900)
        .webp()
        .toBuffer(),
    );
    const same = await facefleet(folder.path, 'compare', samplePath(3), smaller, '--fmr', '1e-8', '--json');
    const verdict = JSON.parse(same.stdout);
    assert.deepEqual([same.code, verdict.isSamePerson, verdict.isExtrapolated], [0, true, true]);
    assert.equal(verdict.falseMatchRate, 1e-8);
    const other = await facefleet(folder.path, 'compare', samplePath(3), samplePath(6));
    assert.equal(other.code, 0);
    assert.match(other.stdout, /^two people: /);
  });

  test('what cannot be compared is 1, what was asked wrongly is 2', async () => {
    await using folder = temporaryFolder();
    const faceless = join(folder.path, 'faceless.png');
    const blank = { create: { width: 200, height: 200, channels: 3 as const, background: 'teal' } };
    await writeFile(faceless, await sharp(blank).png().toBuffer());
    const [nobody, text, wrong] = await Promise.all([
      facefleet(folder.path, 'compare', samplePath(1), faceless),
      facefleet(folder.path, 'detect', join(import.meta.dirname, 'compare.ts')),
      facefleet(folder.path, 'compare', samplePath(1), samplePath(1), '--fmr', '2'),
    ]);
    assert.deepEqual([nobody.code, text.code, wrong.code], [1, 1, 2]);
    assert.ok(nobody.stderr.includes(faceless));
  });
});
