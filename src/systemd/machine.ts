import { execFile } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The machine that services are installed on; a test gives another. */
export interface Machine {
  readonly isLinux: boolean;
  /** Whether systemd is its first process. */
  readonly isBooted: boolean;
  readonly isSuperuser: boolean;
  hasProgram(name: string): boolean;
  /** Undefined when there is no such file. */
  read(path: string): string | undefined;
  write(path: string, content: string, mode: number): Promise<void>;
  remove(path: string): void;
  /** Whether everybody may enter the folder or read the file, and all folders above it. */
  isOpenToAll(path: string): boolean;
  run(command: string, args: readonly string[]): Promise<CommandResult>;
}

export function thisMachine(): Machine {
  return {
    isLinux: process.platform === 'linux',
    isBooted: existsSync('/run/systemd/system'),
    isSuperuser: process.geteuid?.() === 0,
    hasProgram: isOnPath,
    read: (path) => (existsSync(path) ? readFileSync(path, 'utf8') : undefined),
    async write(path, content, mode) {
      mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
      await writeFile(path, content, { mode });
      chmodSync(path, mode);
    },
    remove: (path) => rmSync(path, { recursive: true, force: true }),
    isOpenToAll,
    run: (command, args) =>
      new Promise((resolve) => {
        execFile(command, args, { encoding: 'utf8' }, (error, stdout, stderr) => {
          const code = typeof error?.code === 'number' ? error.code : error ? 127 : 0;
          resolve({ code, stdout, stderr: stderr || (code === 127 ? String(error?.message) : '') });
        });
      }),
  };
}

function isOnPath(name: string): boolean {
  return ['/usr/bin', '/bin', '/usr/sbin', '/sbin', '/usr/local/bin'].some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function isOpenToAll(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    const found = statSync(at, { throwIfNoEntry: false });
    const needed = found?.isDirectory() ? 0o001 : 0o004;
    if (found === undefined || (found.mode & needed) === 0) return false;
    if (at === dirname(at)) return true;
  }
}
