import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const venv = join(import.meta.dirname, '..', '.venv');
const python = join(venv, 'bin', 'python');

/**
 * Makes the virtual environment `.venv` of this folder, once, with what a file of pinned requirements asks for. Several files
 * live in one environment.
 */
export function preparePython(
  requirements: string,
): { readonly python: string } | { readonly problem: string } {
  const wanted = createHash('sha256').update(readFileSync(requirements)).digest('hex');
  const stamp = join(
    venv,
    `facefleet-${createHash('sha256').update(requirements).digest('hex').slice(0, 12)}`,
  );
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return { python };
  if (!works('python3', '-c', 'import sys, venv; assert sys.version_info >= (3, 10)')) {
    return { problem: 'there is no python3 from 3.10 up with venv (Debian: apt-get install python3-venv)' };
  }
  console.log(`installing ${requirements} into .venv, once`);
  if (!existsSync(python) && !works('python3', '-m', 'venv', venv))
    return { problem: 'python3 -m venv fails (Debian: apt-get install python3-venv)' };
  if (!works(python, '-m', 'pip', 'install', '--quiet', '--requirement', requirements)) {
    return { problem: `pip cannot install ${requirements}` };
  }
  writeFileSync(stamp, wanted);
  return { python };
}

function works(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] }).status === 0;
}
