import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { join } from 'node:path';
import type { Boot, Guest, GuestSettings } from './guest.ts';

export interface ProcessGuestOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** Over what the user-data says; an image has settings of its own. */
  readonly environment?: Readonly<Record<string, string>>;
  /** A file an instance, `<instance id>.log`. */
  readonly logDir: string;
}

const RESTART_MS = 100;
/** As the worker's unit and its drop-in for EC2 have it: at these it powers the machine off; at 0 it rests; else it starts again. */
const POWER_OFF_AT: readonly unknown[] = [2, 76, 78];

/** Machines whose service is one process, started with the environment that the user-data sets. */
export function processBoot(options: ProcessGuestOptions): Boot {
  return (settings) => new ProcessGuest(options, settings);
}

/** The `NAME=value` lines of a user-data script, with or without `export` and quotes. */
export function environmentOf(userData: string): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const line of userData.split('\n')) {
    const [, name, value = ''] = /^\s*(?:export\s+)?([A-Z][A-Z0-9_]*)=(.*)$/.exec(line) ?? [];
    if (name !== undefined) environment[name] = value.trim().replace(/^(['"])(.*)\1$/, '$2');
  }
  return environment;
}

export class ProcessGuest implements Guest {
  readonly poweredOff: Promise<void>;
  readonly #options: ProcessGuestOptions;
  readonly #environment: Record<string, string>;
  readonly #log: WriteStream;
  readonly #powerOff: () => void;
  #child: ChildProcess | undefined;
  #isEnding = false;
  #restart: NodeJS.Timeout | undefined;

  constructor(options: ProcessGuestOptions, settings: GuestSettings) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.poweredOff = promise;
    this.#powerOff = resolve;
    this.#options = options;
    this.#environment = {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      ...options.environment,
      ...environmentOf(settings.userData),
      AWS_EC2_METADATA_SERVICE_ENDPOINT: settings.metadataEndpoint,
    };
    this.#log = createWriteStream(join(options.logDir, `${settings.instanceId}.log`), { flags: 'a' });
    this.#start();
  }

  /** Of the service's process, while it runs. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  askToEnd(): void {
    this.#isEnding = true;
    clearTimeout(this.#restart);
    if (this.#child === undefined) this.#powerOff();
    else this.#child.kill('SIGTERM');
  }

  async kill(): Promise<void> {
    this.#isEnding = true;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (child === undefined) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await exited;
  }

  /** Kills the service's process alone: the machine goes on and starts it again. */
  crash(): void {
    this.#child?.kill('SIGKILL');
  }

  #start(): void {
    const { command, args } = this.#options;
    const child = spawn(command, args, { env: this.#environment, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    child.stdout.pipe(this.#log, { end: false });
    child.stderr.pipe(this.#log, { end: false });
    child.once('error', (error) => this.#log.write(`cannot start: ${error.message}\n`));
    child.once('exit', (code) => {
      this.#child = undefined;
      if (this.#isEnding || POWER_OFF_AT.includes(code)) this.#powerOff();
      else if (code !== 0) this.#restart = setTimeout(() => this.#start(), RESTART_MS);
    });
  }
}
