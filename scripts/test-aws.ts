/**
 * `npm run test:aws`: third-party judges for what stands on AWS's protocols: boto3 as a client that nobody here has written,
 * moto as a service that nobody here has written. What `npm test` checks on endpoints of our own is not repeated.
 *
 * Needs Python with venv; the packages go into `.venv` of this folder, once. Without Python it says what it
 * skips, except under CI, where nothing may be skipped. Words as arguments run only the checks whose names have one.
 */
import { globSync } from 'node:fs';
import { join } from 'node:path';

import { conclude, runChecks, skipped } from './checks.ts';
import { preparePython } from './python-environment.ts';

const folder = join(import.meta.dirname, '..', 'test', 'aws');
const prepared = preparePython(join(folder, 'requirements.txt'));
if ('problem' in prepared) {
  conclude({ passed: 0, failed: skipped(`everything: ${prepared.problem}`) });
} else {
  process.env.TEST_AWS_PYTHON = prepared.python;
  const words = process.argv.slice(2);
  const all = globSync(join(folder, '*.check.ts')).sort();
  conclude(
    await runChecks(
      words.length === 0 ? all : all.filter((file) => words.some((word) => file.includes(word))),
    ),
  );
}
