/**
 * `npm run test:api`: Schemathesis sends requests that it makes up from `/openapi.json`, valid ones and others, to a web tier, and
 * checks every answer against the document with all checks that it has; then examples/python is run with `requests`.
 *
 * `--cases 20000` sends at least so many (some hundreds otherwise), `--seed N` others. Needs Python with venv; the packages go
 * into `.venv` of this folder, once. Without Python it says what it skips, except under CI, where nothing may be skipped.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { startFuzzedService } from '../test/api/server.ts';
import { conclude, type Outcome, runChecks, skipped } from './checks.ts';
import { preparePython } from './python-environment.ts';

const root = join(import.meta.dirname, '..');
const folder = join(root, 'test', 'api');
const DEFAULT_SEED = 20_261_125;
/** Of a short run: for each operation. */
const FEW_EXAMPLES = 4;
const MANY_EXAMPLES = 60;
const MOST_SLICES = 100;

const { values } = parseArgs({
  options: { cases: { type: 'string' }, seed: { type: 'string', default: String(DEFAULT_SEED) } },
});
const cases = Number(values.cases ?? 0);
const seed = Number(values.seed);
const prepared = preparePython(join(folder, 'requirements.txt'));
if ('problem' in prepared) {
  conclude({ passed: 0, failed: skipped(`everything: ${prepared.problem}`) });
} else {
  process.env.TEST_API_PYTHON = prepared.python;
  const judged = await judge(prepared.python);
  const { passed, failed } = await runChecks([join(folder, 'examples.check.ts')]);
  conclude({ passed: judged.passed + passed, failed: judged.failed + failed });
}

/** In slices of another seed each until there were enough cases, or one has found something. */
async function judge(python: string): Promise<Outcome> {
  let sent = 0;
  for (let slice = 0; slice < MOST_SLICES; slice++) {
    const outcome = await runSlice(python, { seed: seed + slice, isWhole: cases > 0 });
    sent += outcome.cases;
    console.log(
      `schemathesis: seed ${seed + slice}, ${sent} cases so far, ${outcome.isGood ? 'none' : 'SOME'} failed`,
    );
    if (!outcome.isGood) return { passed: 0, failed: 1 };
    if (sent >= cases) return { passed: 1, failed: 0 };
  }
  console.log(`schemathesis: ${sent} cases in ${MOST_SLICES} slices, expected ${cases}`);
  return { passed: 0, failed: 1 };
}

/** On a service of its own: what one slice has left there is nothing to the next. */
async function runSlice(
  python: string,
  options: { readonly seed: number; readonly isWhole: boolean },
): Promise<{ cases: number; isGood: boolean }> {
  const place = mkdtempSync(join(tmpdir(), 'facefleet-api-'));
  const count = join(place, 'count');
  await using service = await startFuzzedService();
  const words = [
    ...['-m', 'schemathesis.cli', '--config-file', join(folder, 'schemathesis.toml')],
    ...['run', `${service.url}/openapi.json`, '--checks', 'all', '--seed', String(options.seed)],
    ...['--phases', options.isWhole ? 'examples,coverage,fuzzing,stateful' : 'examples,fuzzing'],
    ...['--max-examples', String(options.isWhole ? MANY_EXAMPLES : FEW_EXAMPLES)],
    ...['--request-timeout', '60', '--generation-database', 'none', '--no-color'],
    ...['--continue-on-failure', '--suppress-health-check', 'all'],
    // Repeats until the time is spent.
    ...(options.isWhole ? ['--max-time', '240'] : []),
  ];
  const environment = { FACEFLEET_API_COUNT: count, SCHEMATHESIS_HOOKS: 'hooks', PYTHONPATH: folder };
  try {
    const child = spawn(python, words, {
      cwd: place,
      stdio: 'inherit',
      env: { ...process.env, ...environment, PYTHONDONTWRITEBYTECODE: '1' },
    });
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('exit', resolve);
    });
    return { cases: Number(readFileSync(count, 'utf8')), isGood: code === 0 };
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}
