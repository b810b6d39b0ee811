import { run } from 'node:test';
import { spec } from 'node:test/reporters';

export interface Outcome {
  readonly passed: number;
  readonly failed: number;
}

/**
 * Runs files of checks one after the other, since each starts services that fill the machine. What is skipped counts as failed, and so
 * does a run in which nothing passed.
 *
 * @param timeoutMs of each file
 */
export async function runChecks(files: readonly string[], { timeoutMs = 300_000 } = {}): Promise<Outcome> {
  let [passed, failed] = [0, 0];
  const stream = run({ files: [...files], concurrency: 1, timeout: timeoutMs });
  stream.on('test:summary', ({ file, counts }) => {
    if (file !== undefined) return;
    passed += counts.passed;
    failed += counts.tests - counts.passed;
  });
  const reporter = stream.compose(new spec());
  reporter.pipe(process.stdout);
  await new Promise((resolve) => reporter.once('end', resolve));
  return { passed, failed: passed === 0 ? Math.max(1, failed) : failed };
}

/** Says what was not checked, and why. Resolves to how many failures that is: under CI nothing may be skipped. */
export function skipped(...whats: readonly string[]): number {
  for (const what of whats) console.log(`SKIPPED ${what}`);
  if (whats.length === 0 || process.env.CI !== 'true') return 0;
  console.log('skipping is forbidden in CI');
  return whats.length;
}

/** The closing line, and the exit code. */
export function conclude({ passed, failed }: Outcome): void {
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}
