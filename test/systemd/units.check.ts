import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { renderUnit, templateFile, UNITS, type UnitWord } from '../../src/systemd/units.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Out of 10; systemd calls up to 2 safe, up to 5 medium. */
const HIGHEST_EXPOSURE = 3;

const root = join(import.meta.dirname, '..', '..');
const layout = { root, node: process.execPath };

for (const [word, unit] of Object.entries(UNITS) as [UnitWord, string][]) {
  test(`systemd-analyze verify has nothing to say against ${unit}`, async () => {
    await using folder = temporaryFolder();
    for (const each of Object.keys(UNITS) as UnitWord[]) {
      writeFileSync(join(folder.path, UNITS[each]), renderUnit(each, layout));
    }
    const dropIn = join(folder.path, `${UNITS.worker}.d`);
    mkdirSync(dropIn);
    writeFileSync(join(dropIn, 'power-off.conf'), templateFile('ec2/power-off.conf'));
    const { status, stdout, stderr } = analyze('verify', '--man=no', join(folder.path, unit));
    // It looks at the machine's other units too; only what it says of ours counts.
    const about = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('facefleet'));
    assert.deepEqual(about, []);
    assert.equal(status, 0, stderr);
  });

  test(`${unit} is exposed less than ${HIGHEST_EXPOSURE}`, async () => {
    await using folder = temporaryFolder();
    const path = join(folder.path, unit);
    writeFileSync(path, renderUnit(word, layout));
    const { status, stdout } = analyze(
      'security',
      '--offline=true',
      `--threshold=${HIGHEST_EXPOSURE * 10}`,
      path,
    );
    assert.equal(status, 0, stdout);
    assert.match(stdout, /Overall exposure level for .*: [0-2]\.\d/);
  });
}

function analyze(...args: string[]) {
  return spawnSync('systemd-analyze', args, { encoding: 'utf8' });
}
