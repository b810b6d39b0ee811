import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

/** Of the judges' virtual environment; `npm run test:aws` sets it. */
function pythonPath(): string {
  const path = process.env.TEST_AWS_PYTHON;
  if (path === undefined) throw new Error('these checks are run by `npm run test:aws`');
  return path;
}

/** Runs a script of this folder and resolves to the JSON that it prints. */
export async function judge(script: string, ...args: string[]): Promise<unknown> {
  const file = join(import.meta.dirname, script);
  const { stdout } = await promisify(execFile)(pythonPath(), [file, ...args], { timeout: 120_000 });
  return JSON.parse(stdout);
}

export interface Moto extends AsyncDisposable {
  readonly endpoint: string;
}

/** A moto of its own, with nothing in it but what moto always has. */
export async function startMoto(): Promise<Moto> {
  const child = spawn(pythonPath(), [join(import.meta.dirname, 'moto_server.py')], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const lines = createInterface({ input: child.stdout });
  const [endpoint] = (await Promise.race([once(lines, 'line'), failure(child)])) as [string];
  return {
    endpoint,
    [Symbol.asyncDispose]: async () => {
      const gone = once(child, 'exit');
      // It ends when nobody holds its input any more.
      child.stdin.end();
      await gone;
    },
  };
}

async function failure(child: ChildProcess): Promise<never> {
  const [code] = await once(child, 'exit');
  throw new Error(`moto ended with ${code}`);
}
