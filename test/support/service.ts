import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

export const launcher = join(import.meta.dirname, '..', '..', 'bin', 'facefleet.js');

export interface ServiceOptions {
  /** Kept by the caller; a temporary one otherwise. */
  readonly dataDir?: string;
  /** Further words after `up`. */
  readonly flags?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

interface UpFacts {
  readonly url: string;
  readonly dataDir: string;
  readonly tiers: Readonly<Record<'broker' | 'controller' | 'web', { readonly pid: number }>>;
}

/** A whole Facefleet, started as a user starts it, on a free port and a data folder of its own. */
export class Service implements AsyncDisposable {
  readonly url: string;
  readonly dataDir: string;
  readonly tiers: UpFacts['tiers'];
  readonly #process: ChildProcess;
  readonly #log: string[];
  readonly #ownsFolder: boolean;

  private constructor(process: ChildProcess, facts: UpFacts, log: string[], ownsFolder: boolean) {
    this.#process = process;
    this.url = facts.url;
    this.dataDir = facts.dataDir;
    this.tiers = facts.tiers;
    this.#log = log;
    this.#ownsFolder = ownsFolder;
  }

  static async start(options: ServiceOptions = {}): Promise<Service> {
    const dataDir = options.dataDir ?? temporaryFolder();
    const flags = options.flags ?? [];
    const port = flags.includes('--port') ? [] : ['--port', '0'];
    const child = spawn(
      process.execPath,
      [launcher, 'up', '--json', '--data-dir', dataDir, ...port, ...flags],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, FACEFLEET_LOG_FORMAT: 'json', ...options.environment },
        cwd: dataDir,
      },
    );
    const log: string[] = [];
    child.stderr.setEncoding('utf8').on('data', (text: string) => log.push(text));
    const facts = await firstLine(child, log);
    return new Service(child, JSON.parse(facts) as UpFacts, log, options.dataDir === undefined);
  }

  get pid(): number {
    return this.#process.pid!;
  }

  /** What the tiers logged so far (workers have log files of their own). */
  get log(): string {
    return this.#log.join('');
  }

  /** kill -9 of the supervisor alone. */
  async kill(): Promise<void> {
    const gone = ended(this.#process);
    this.#process.kill('SIGKILL');
    await gone;
  }

  /** First signal, and wait. Resolves to the exit code. */
  async stop(): Promise<number | null> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return this.#process.exitCode;
    const gone = ended(this.#process);
    this.#process.kill('SIGTERM');
    await gone;
    return this.#process.exitCode;
  }

  /** Process ids of living workers of this data folder. */
  workers(): number[] {
    return processesOf(this.dataDir, 'worker');
  }

  /** Runs `facefleet <words>` on the data folder. */
  async command(...words: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    return runCommand(words, { FACEFLEET_DATA_DIR: this.dataDir });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    if (this.#ownsFolder) await rm(this.dataDir, { recursive: true, force: true, maxRetries: 5 });
  }
}

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'facefleet-'));
}

/** Runs `facefleet <words>` and never rejects for its exit code. */
export async function runCommand(words: readonly string[], environment: Record<string, string> = {}) {
  const options = {
    env: { ...process.env, FACEFLEET_LOG_FORMAT: 'json', ...environment },
    maxBuffer: 64 * 1024 * 1024,
  };
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [launcher, ...words], options);
    return { code: 0, stdout, stderr };
  } catch (error) {
    const failure = error as { code: number; stdout: string; stderr: string };
    return { code: failure.code, stdout: failure.stdout, stderr: failure.stderr };
  }
}

/** Ids of processes whose command is `facefleet <verb>` and whose environment or flags name this data folder. */
export function processesOf(dataDir: string, verb?: string): number[] {
  return runningProcesses()
    .filter(({ words, environment }) => {
      const at = words.findIndex((word) => word.endsWith('facefleet.js'));
      if (at < 0 || (verb !== undefined && words[at + 1] !== verb)) return false;
      return words.includes(dataDir) || environment.includes(`FACEFLEET_DATA_DIR=${dataDir}`);
    })
    .map(({ pid }) => pid);
}

/** Resident memory of a process in bytes; 0 when it is gone. */
export function residentBytes(pid: number): number {
  if (process.platform !== 'linux') return Number(ps('-o', 'rss=', '-p', String(pid))) * 1024;
  const pages = Number(readProc(String(pid), 'statm').split(' ')[1] ?? 0);
  return pages * 4096;
}

interface RunningProcess {
  readonly pid: number;
  readonly words: readonly string[];
  readonly environment: readonly string[];
}

function runningProcesses(): RunningProcess[] {
  if (process.platform !== 'linux') return listedByPs();
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => ({
      pid: Number(pid),
      words: readProc(pid, 'cmdline').split('\0'),
      environment: readProc(pid, 'environ').split('\0'),
    }));
}

/** macOS shows the environment behind the command, in one line. */
function listedByPs(): RunningProcess[] {
  return ps('-axwwE', '-o', 'pid=,command=')
    .split('\n')
    .map((line) => {
      const [pid, ...words] = line.trim().split(' ');
      return { pid: Number(pid), words, environment: words };
    });
}

function ps(...args: string[]): string {
  // It exits with 1 when no process matches.
  return spawnSync('ps', args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }).stdout;
}

/** Waits until `condition` holds. Rejects with `what` when it did not within `seconds`. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  seconds = 15,
): Promise<void> {
  const until = performance.now() + seconds * 1000;
  while (!(await condition())) {
    if (performance.now() > until) throw new Error(`did not happen within ${seconds} s: ${what}`);
    await sleep(25);
  }
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    // The process ended between the listing and the reading.
    return '';
  }
}

function firstLine(child: ChildProcess, log: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      if (text.includes('\n')) resolve(text.split('\n')[0] ?? '');
    });
    child.once('exit', (code) => reject(new Error(`facefleet up ended with ${code}: ${log.join('')}`)));
  });
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.once('exit', () => resolve()));
}
