/**
 * `npm test`: types, lint, then every test, and one plain closing line, `N passed, N failed`.
 *
 * Paths or globs as arguments run only those tests: `npm test -- src/gallery`.
 */
import { spawn } from 'node:child_process';
import { globSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const root = join(import.meta.dirname, '..');
process.chdir(root);
const wanted = process.argv.slice(2);
const startedAt = performance.now();
let passed = 0;
let failed = 0;

if (wanted.length === 0) {
  await check('types', ['node_modules/typescript/bin/tsc']);
  await check('types of the page', ['node_modules/typescript/bin/tsc', '-p', 'src/ui']);
  await check('lint', ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.']);
}
await runTests(wanted.length === 0 ? ['src', 'test'] : wanted);

if (wanted.length === 0)
  console.log('apart: npm run test:browser, test:api, test:aws, test:systemd, for which npm is not enough');
console.log(`took ${Math.round((performance.now() - startedAt) / 1000)} s`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

function count(isOk: boolean) {
  if (isOk) passed++;
  else failed++;
}

async function check(name: string, args: string[]): Promise<void> {
  const child = spawn(process.execPath, args, { stdio: 'inherit' });
  const code = await new Promise<number | null>((resolve) => child.on('exit', resolve));
  console.log(`${code === 0 ? '✔' : '✖'} ${name}`);
  count(code === 0);
}

async function runTests(places: readonly string[]): Promise<void> {
  const files = places.flatMap((place) =>
    place.endsWith('.ts')
      ? globSync(place)
      : statSync(place).isDirectory()
        ? globSync(`${place}/**/*.test.ts`)
        : [],
  );
  // Two at a time: many tests start processes of their own, and more of them would measure the machine.
  const stream = run({ files: files.sort(), concurrency: 2, timeout: 180_000 });
  stream.on('test:summary', (summary) => {
    if (summary.file !== undefined) return;
    passed += summary.counts.passed;
    failed += summary.counts.tests - summary.counts.passed - summary.counts.skipped - summary.counts.todo;
    if (summary.counts.skipped > 0)
      console.log(`${summary.counts.skipped} skipped: \`npm test\` skips nothing, so this is a failure`);
    failed += summary.counts.skipped;
  });
  const reporter = stream.compose(new spec());
  reporter.pipe(process.stdout);
  await new Promise((resolve) => reporter.once('end', resolve));
}
