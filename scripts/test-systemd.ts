/**
 * `npm run test:systemd`: what systemd itself says of the units in deploy/systemd, and how they run under it.
 *
 * Needs Linux with systemd's programs, and root for the second half, which boots a systemd in namespaces of its own. What
 * is missing is said and skipped, except under CI, where the units must be checked.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { conclude, runChecks, skipped } from './checks.ts';

const folder = join(import.meta.dirname, '..', 'test', 'systemd');
const works = (command: string, ...args: string[]) => spawnSync(command, args).status === 0;
const missing: string[] = [];
const files: string[] = [];

if (works('systemd-analyze', '--version')) files.push(join(folder, 'units.check.ts'));
else missing.push('the units: there is no systemd-analyze (Debian: apt-get install systemd)');
if (files.length === 0) missing.push('the services: there is no systemd');
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
  missing.push('the services under a systemd: that takes root and the right to mount a cgroup2');
else files.push(join(folder, 'services.check.ts'));

const { passed, failed } = files.length > 0 ? await runChecks(files) : { passed: 0, failed: 0 };
conclude({ passed, failed: failed + skipped(...missing) });
