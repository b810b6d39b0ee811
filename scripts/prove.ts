/**
 * `npm run prove`: everything that Facefleet promises, run whole (some ten minutes on two cores).
 *
 * `--on aws` runs what is promised there, on endpoints of our own that speak AWS's protocols.
 * Words choose checks: `npm run prove -- load deaths`. `--seed N` replays pictures, mutations and kills.
 */
import { parseArgs } from 'node:util';
import { awsChecks, checks as localChecks } from '../test/prove/checks.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    on: { type: 'string' },
    seed: { type: 'string' },
    short: { type: 'boolean' },
    help: { type: 'boolean' },
  },
});
const checks = values.on === 'aws' ? awsChecks : localChecks;
const unknown = positionals.filter((word) => !checks.some(({ name }) => name === word));
if (values.help || unknown.length > 0) {
  if (unknown.length > 0) console.error(`no such check: ${unknown.join(', ')}`);
  console.log(
    `npm run prove -- [--on local|aws] [--short] [--seed N] [check …]\n${checks.map(({ name, promise }) => `  ${name.padEnd(14)} ${promise}`).join('\n')}`,
  );
  process.exit(unknown.length > 0 ? 2 : 0);
}

const seed = Number(values.seed ?? Date.now() % 1_000_000);
const chosen = checks.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
let failed = 0;
console.log(`seed ${seed}`);
for (const check of chosen) {
  const startedAt = performance.now();
  console.log(`… ${check.name}: ${check.promise}`);
  try {
    const figures = await check.run({ whole: values.short !== true, seed }, (line) =>
      console.log(`    ${line}`),
    );
    const shown = Object.entries(figures).map(([name, value]) => `${name} ${value}`);
    console.log(
      `✔ ${check.name} (${Math.round((performance.now() - startedAt) / 1000)} s): ${shown.join(', ')}`,
    );
  } catch (error) {
    failed++;
    console.log(`✖ ${check.name}:`, error);
  }
}
console.log(`${chosen.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
