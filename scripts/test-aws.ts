/**
 * `npm run test:aws`: third-party judges for what stands on AWS's protocols: boto3 as a client that nobody here has written,
 * moto as a service that nobody here has written. What `npm test` checks on endpoints of our own is not repeated.
 *
 * Needs Python 3.9 or newer with venv; the packages go into `.venv` of this folder, once. Without Python it says what it
 * skips, except under CI, where nothing may be skipped. Words as arguments run only the checks whose names have one.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const root = join(import.meta.dirname, '..');
const folder = join(root, 'test', 'aws');
const venv = join(root, '.venv');
const python = join(venv, 'bin', 'python');
const requirements = join(folder, 'requirements.txt');
const stamp = join(venv, 'facefleet-requirements');

let passed = 0;
let failed = 0;
const problem = prepare();
if (problem === undefined) {
  process.env.TEST_AWS_PYTHON = python;
  await runChecks(process.argv.slice(2));
} else {
  console.log(`SKIPPED everything: ${problem}`);
  if (process.env.CI === 'true') {
    console.log('skipping is forbidden in CI');
    failed++;
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** Makes the virtual environment, or says why it cannot. */
function prepare(): string | undefined {
  const wanted = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return undefined;
  if (!works('python3', '-c', 'import sys, venv; assert sys.version_info >= (3, 9)')) {
    return 'there is no python3 from 3.9 up with venv (Debian: apt-get install python3-venv)';
  }
  console.log('installing the judges into .venv, once');
  if (!works('python3', '-m', 'venv', venv))
    return 'python3 -m venv fails (Debian: apt-get install python3-venv)';
  if (!works(python, '-m', 'pip', 'install', '--quiet', '--requirement', requirements)) {
    return 'pip cannot install test/aws/requirements.txt';
  }
  writeFileSync(stamp, wanted);
  return undefined;
}

function works(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
}

async function runChecks(words: readonly string[]): Promise<void> {
  const all = globSync(join(folder, '*.check.ts')).sort();
  const files = words.length === 0 ? all : all.filter((file) => words.some((word) => file.includes(word)));
  const stream = run({ files, concurrency: 1, timeout: 300_000 });
  stream.on('test:summary', ({ file, counts }) => {
    if (file !== undefined) return;
    passed += counts.passed;
    failed += counts.tests - counts.passed;
  });
  const reporter = stream.compose(new spec());
  reporter.pipe(process.stdout);
  await new Promise((resolve) => reporter.once('end', resolve));
}
