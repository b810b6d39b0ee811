import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { geometricMean } from '../../bench/scaling/results.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const run = promisify(execFile);
const SCRIPT = join(import.meta.dirname, '../../bench/scaling.ts');

test('the scaling benchmark compares all on workloads and trace files, and ends with its figures', async () => {
  await using folder = temporaryFolder();
  await writeFile(join(folder.path, 'two.csv'), 'arrival_seconds\n0\n200\n');
  await writeFile(join(folder.path, 'README.md'), 'no trace');
  const words = ['--workloads', 'burst of 50', '--seeds', '2', '--traces', folder.path];
  const { stdout, stderr } = await run(process.execPath, [SCRIPT, ...words]);
  const lines = stdout.trimEnd().split('\n');
  const { ratio, ratioSteady, late, localOverCourse, traces, seeds, peers } = JSON.parse(lines.at(-1)!);
  // Two lone jobs cost a minute each, and 50 at once two minutes of two instances.
  assert.ok(ratio >= 1 && ratio < Math.sqrt(1 * 1.8), `${ratio}`);
  assert.deepEqual({ ratioSteady, late, traces, seeds }, { ratioSteady: null, late: 0, traces: 2, seeds: 2 });
  assert.ok(localOverCourse > 0 && localOverCourse <= 1, `${localOverCourse}`);
  assert.deepEqual(Object.keys(peers), ['original', 'course', 'keda', 'tracking', 'knative']);
  for (const [name, { documented, tuned, tunedOnce }] of Object.entries<
    Record<string, { ratio: number; late: number }>
  >(peers)) {
    for (const one of [documented, tuned, tunedOnce]) if (one!.late === 0) assert.ok(one!.ratio >= 1, name);
    assert.ok(tuned!.late <= tunedOnce!.late, name);
  }
  for (const heading of ['burst of 50: 50 jobs, 2 seeds', 'two.csv: 2 jobs, 1 seed'])
    assert.ok(lines.includes(heading));
  assert.equal(stderr.trimEnd().split('\n').length, 4);
});

test('it says what is wrong with how it is called', async () => {
  const called = (...words: string[]) => run(process.execPath, [SCRIPT, ...words]);
  await assert.rejects(called('--workloads', 'nonsense'), { code: 2, stdout: '' });
  await assert.rejects(called('--seeds', '0'), { code: 2, stdout: '' });
});

test('a geometric mean is one of those that there are', () => {
  assert.equal(geometricMean([1, undefined, 4]), 2);
  assert.equal(geometricMean([undefined]), undefined);
});
