import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryFolder } from '../../../test/support/temporary-folder.ts';

const launcher = join(import.meta.dirname, '..', '..', '..', 'bin', 'facefleet.js');

function simulate(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [launcher, 'simulate', ...words], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

test('simulate plays a file of arrivals to policies, and writes a report that stands alone', async () => {
  await using folder = temporaryFolder();
  const trace = join(folder.path, 'a <b> & c.csv');
  const html = join(folder.path, 'report.html');
  const arrivals = Array.from({ length: 60 }, (_, index) => 100 + index / 20);
  await writeFile(trace, `arrival_seconds\n${arrivals.join('\n')}\n`);
  const { code, stdout, stderr } = await simulate('--trace', trace, '--policy', 'slo,course', '--html', html);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^POLICY +COST +DOLLARS/);
  assert.match(stdout, /^slo +\d+ s .*\ncourse +\d+ s .*\nbound +/m);
  const page = await readFile(html, 'utf8');
  assert.equal(page.match(/<svg /g)?.length, 3);
  assert.match(page, /a &lt;b&gt; &amp; c\.csv/);
  assert.doesNotMatch(page, /<script|<link|src=|href=/);
});

test('simulate tells programs, and says what it does not know', async () => {
  const { stdout } = await simulate('--workload', 'burst of 50', '--json');
  const { bound, rows } = JSON.parse(stdout);
  assert.ok(rows[0].score.costSeconds >= bound.costSeconds);
  assert.equal(rows[0].score.violations, 0);
  assert.equal((await simulate('--policy', 'nonsense')).code, 1);
  assert.equal((await simulate('--slo', 'soon')).code, 2);
  assert.equal((await simulate('--trace', '/nowhere/at/all')).code, 1);
});
