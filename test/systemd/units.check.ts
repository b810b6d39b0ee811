import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { renderUnit, templateFile, UNITS, type UnitWord } from '../../src/systemd/units.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Out of 10; systemd calls up to 2 safe, up to 5 medium. */
const HIGHEST_EXPOSURE = 3;

const root = join(import.meta.dirname, '..', '..');
const layout = { root, node: process.execPath };

/** Those that only instances on EC2 have, as they lie in the image: nothing of them is filled in. */
const ec2Folder = join(root, 'deploy', 'systemd', 'ec2');
const ec2Units = readdirSync(ec2Folder).filter((name) => /\.(service|timer)$/.test(name));
/** What changes a unit on EC2. */
const DROP_INS = { web: 'ec2/web-role.conf', worker: 'ec2/power-off.conf' } as const;

for (const [word, unit] of Object.entries(UNITS) as [UnitWord, string][]) {
  test(`systemd-analyze verify has nothing to say against ${unit}`, async () => {
    await using folder = temporaryFolder();
    for (const each of Object.keys(UNITS) as UnitWord[]) {
      writeFileSync(join(folder.path, UNITS[each]), renderUnit(each, layout));
    }
    for (const name of ec2Units) cpSync(join(ec2Folder, name), join(folder.path, name));
    for (const each of Object.keys(DROP_INS) as (keyof typeof DROP_INS)[]) writeDropIn(folder.path, each);
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
    assertHardened(path);
  });
}

for (const unit of ec2Units) {
  test(`systemd-analyze verify has nothing to say against ${unit} of EC2`, async () => {
    await using folder = temporaryFolder();
    for (const name of ec2Units) cpSync(join(ec2Folder, name), join(folder.path, name));
    const { status, stdout, stderr } = analyze('verify', '--man=no', join(folder.path, unit));
    const about = `${stdout}${stderr}`.split('\n').filter((line) => line.includes('facefleet'));
    assert.deepEqual(about, []);
    assert.equal(status, 0, stderr);
  });
}

test('EC2 has units of its own', () => {
  assert.deepEqual(ec2Units.sort(), [
    'facefleet-journal.service',
    'facefleet-web-role.service',
    'facefleet-web-role.timer',
  ]);
});

for (const unit of ec2Units.filter((name) => name.endsWith('.service'))) {
  test(`${unit} of EC2 is exposed less than ${HIGHEST_EXPOSURE}`, () => {
    assertHardened(join(ec2Folder, unit));
  });
}

for (const word of Object.keys(DROP_INS) as (keyof typeof DROP_INS)[]) {
  test(`${UNITS[word]} is exposed no more with its drop-in of EC2`, async () => {
    await using folder = temporaryFolder();
    const path = join(folder.path, UNITS[word]);
    writeFileSync(path, renderUnit(word, layout));
    writeDropIn(folder.path, word);
    assertHardened(path);
  });
}

function writeDropIn(folder: string, word: keyof typeof DROP_INS): void {
  const dropIn = join(folder, `${UNITS[word]}.d`);
  mkdirSync(dropIn);
  writeFileSync(join(dropIn, 'ec2.conf'), templateFile(DROP_INS[word]));
}

function assertHardened(path: string): void {
  const threshold = `--threshold=${HIGHEST_EXPOSURE * 10}`;
  const { status, stdout } = analyze('security', '--offline=true', threshold, path);
  assert.equal(status, 0, stdout);
  assert.match(stdout, /Overall exposure level for .*: [0-2]\.\d/);
}

function analyze(...args: string[]) {
  return spawnSync('systemd-analyze', args, { encoding: 'utf8' });
}
