import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../support/eventually.ts';

const repository = join(import.meta.dirname, '..', '..');

export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A machine that systemd runs: this one's programs in namespaces of their own, the repository at `/opt/facefleet`. */
export class PrivateSystemd implements AsyncDisposable {
  readonly #outer: ChildProcess;
  readonly #pid: number;

  private constructor(outer: ChildProcess, pid: number) {
    this.#outer = outer;
    this.#pid = pid;
  }

  static async boot(): Promise<PrivateSystemd> {
    const outer = spawn(
      'unshare',
      ['--mount', 'bash', join(import.meta.dirname, 'private-systemd.sh'), repository],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let log = '';
    for (const stream of [outer.stdout, outer.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        log += text;
      });
    }
    const ended = new Promise<never>((_, reject) =>
      outer.once('exit', (code) => reject(new Error(`no systemd (${code}): ${log}`))),
    );
    const pid = await Promise.race([eventually('systemd runs', () => firstChild(outer.pid!)), ended]);
    const machine = new PrivateSystemd(outer, pid);
    const isUp = async () => (await machine.run('systemctl', 'is-active', 'test.target')).code === 0;
    await Promise.race([eventually('systemd has booted', isUp), ended]);
    ended.catch(() => {});
    return machine;
  }

  /** Runs a program there, as root. */
  async run(...words: [string, ...string[]]): Promise<Output> {
    const args = [
      '--target',
      String(this.#pid),
      '--mount',
      '--pid',
      '--cgroup',
      '--uts',
      '--ipc',
      '--',
      ...words,
    ];
    try {
      return { code: 0, ...(await promisify(execFile)('nsenter', args, { maxBuffer: 64 * 1024 * 1024 })) };
    } catch (error) {
      const { code, stdout, stderr } = error as Output;
      return { code, stdout, stderr };
    }
  }

  /** Runs `facefleet <words>` there. */
  facefleet(...words: string[]): Promise<Output> {
    const node = `/opt/facefleet/node_modules/node-linux-${process.arch}/bin/node`;
    return this.run(node, '/opt/facefleet/bin/facefleet.js', ...words);
  }

  async write(path: string, content: string): Promise<void> {
    const script = 'mkdir -p "$(dirname "$1")"; printf %s "$2" > "$1"';
    await this.run('bash', '-c', script, 'bash', path, content);
  }

  /** One property of a unit, as systemd tells it. */
  async property(unit: string, name: string): Promise<string> {
    const { stdout } = await this.run('systemctl', 'show', unit, `--property=${name}`, '--value');
    return stdout.trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = new Promise((resolve) => this.#outer.once('exit', resolve));
    this.#outer.kill('SIGKILL');
    await gone;
  }
}

/** `unshare --fork` has one: the first process of the new namespace, which becomes systemd. */
function firstChild(pid: number): number | undefined {
  try {
    const child = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);
    return readFileSync(`/proc/${child}/comm`, 'utf8').trim() === 'systemd' ? child : undefined;
  } catch {
    return undefined;
  }
}
