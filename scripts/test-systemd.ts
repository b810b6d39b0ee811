/**
 * `npm run test:systemd`: what systemd itself says of the units in deploy/systemd, and how they run under it.
 *
 * Needs Linux with systemd's programs, and root for the second half, which boots a systemd in namespaces of its own. What
 * is missing is said and skipped, except under CI, where the units must be checked.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const folder = join(import.meta.dirname, '..', 'test', 'systemd');
const works = (command: string, ...args: string[]) => spawnSync(command, args).status === 0;
const skipped: string[] = [];
const files: string[] = [];

if (works('systemd-analyze', '--version')) files.push(join(folder, 'units.check.ts'));
else skipped.push('the units: there is no systemd-analyze (Debian: apt-get install systemd)');
if (files.length === 0) skipped.push('the services: there is no systemd');
else if (
  !works(
    'unshare',
    '--pid',
    '--fork',
    '--mount',
    '--cgroup',
    'mount',
    '-t',
    'cgroup2',
    'none',
    '/sys/fs/cgroup',
  )
)
  skipped.push('the services under a systemd: that takes root and the right to mount a cgroup2');
else files.push(join(folder, 'services.check.ts'));

let passed = 0;
let failed = 0;
if (files.length > 0) await runTests();
for (const what of skipped) console.log(`SKIPPED ${what}`);
if (skipped.length > 0 && process.env.CI === 'true') {
  console.log('skipping is forbidden in CI');
  failed += skipped.length;
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

async function runTests(): Promise<void> {
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
