/**
 * `npm run test:browser`: the page in a real Chromium. Screenshots of every flow lie in `test-output/` afterwards.
 *
 * Without a Chromium it says so and skips, unless CI forbids it. Paths as arguments run only those files.
 */
import { globSync } from 'node:fs';
import { join } from 'node:path';

import { findChromium } from '../test/browser/chromium.ts';
import { conclude, runChecks, skipped } from './checks.ts';

process.chdir(join(import.meta.dirname, '..'));

if (findChromium() === undefined) {
  const why = 'there is no Chromium here (Debian: apt-get install chromium)';
  conclude({ passed: 0, failed: skipped(`all browser tests: ${why}`) });
} else {
  const wanted = process.argv.slice(2);
  const files = wanted.length > 0 ? wanted : globSync('test/browser/**/*.browser.ts').sort();
  conclude(await runChecks(files, { timeoutMs: 900_000 }));
}
