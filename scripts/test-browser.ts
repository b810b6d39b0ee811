/**
 * `npm run test:browser`: the page in a real Chromium. Screenshots of every flow lie in `test-output/` afterwards.
 *
 * Without a Chromium it says so and skips, unless CI forbids it. Paths as arguments run only those files.
 */
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

import { findChromium } from '../test/browser/chromium.ts';

process.chdir(join(import.meta.dirname, '..'));
const isForbiddenToSkip = process.env.CI === 'true';

if (findChromium() === undefined) {
  console.log(
    '0 passed, all browser tests skipped: there is no Chromium here (Debian: apt-get install chromium)',
  );
  process.exitCode = isForbiddenToSkip ? 1 : 0;
} else {
  process.exitCode = await runTests(process.argv.slice(2));
}

async function runTests(wanted: readonly string[]): Promise<number> {
  const files = wanted.length > 0 ? [...wanted] : globSync('test/browser/**/*.browser.ts').sort();
  let [passed, failed] = [0, 0];
  // Each starts a service of its own, which fills the machine.
  const stream = run({ files, concurrency: 1, timeout: 900_000 });
  stream.on('test:summary', ({ file, counts }) => {
    if (file !== undefined) return;
    passed += counts.passed;
    failed += counts.tests - counts.passed;
  });
  const reporter = stream.compose(new spec());
  reporter.pipe(process.stdout);
  await new Promise((resolve) => reporter.once('end', resolve));
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}
