import { mkdtempSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProcessFleet, type ProcessFleetOptions } from '../../src/adapters/local/process-fleet.ts';
import { systemProcessTable } from '../../src/adapters/local/process-table.ts';
import { systemClock } from '../../src/adapters/local/system-clock.ts';
import { silentLogger } from '../../src/logger.ts';
import { eventually } from './eventually.ts';

/** Notes its pid under its instance id, refuses to end when asked, and waits. */
const INSTANCE = `
  process.on('SIGTERM', () => console.log('asked to end'));
  const { FACEFLEET_INSTANCE_ID: id, FACEFLEET_INSTANCE_SLOT: slot, FACEFLEET_INSTANCE_GENERATION: generation } = process.env;
  console.log('started', id, slot, generation);
  require('node:fs').writeFileSync(process.argv[1] + '/' + id + '.' + process.pid, '');
  setInterval(() => {}, 1e6);
`;

/** Tiny processes in place of workers, in a temporary folder; what is left of them ends with it. */
export class ProcessInstances implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'facefleet-test-'));
  readonly #notes = mkdtempSync(join(this.folder, 'notes-'));

  fleet(options: Partial<ProcessFleetOptions> = {}): ProcessFleet {
    return new ProcessFleet({
      name: 'test',
      folder: join(this.folder, 'fleet'),
      logDir: join(this.folder, 'logs'),
      launch: this.launch,
      logger: silentLogger,
      clock: systemClock,
      graceSeconds: 0.3,
      ...options,
    });
  }

  get launch(): ProcessFleetOptions['launch'] {
    // Its notes are told by an argument, so that the environment is only what the fleet makes of it.
    return { command: process.execPath, args: ['-e', INSTANCE, this.#notes], environment: {} };
  }

  /** The pids of the living processes, of one instance or of all. */
  async pids(id = ''): Promise<number[]> {
    const notes = (await readdir(this.#notes)).filter((name) => name.startsWith(id));
    // Not by signal 0, which reaches a zombie too: whose controller was killed has nobody who is quick to reap it.
    const marks = await systemProcessTable.startMarks(notes.map((name) => Number(name.split('.').at(-1))));
    return [...marks.keys()];
  }

  async crash(id: string): Promise<void> {
    const pids = await eventually(`${id} to start`, async () => {
      const found = await this.pids(id);
      return found.length > 0 && found;
    });
    for (const pid of pids) process.kill(pid, 'SIGKILL');
  }

  log(slot: number): Promise<string> {
    return readFile(join(this.folder, 'logs', `worker-${slot}.log`), 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // What was just launched may not have noted its pid yet.
    const fleet = this.fleet();
    for (const { id, state } of await fleet.list()) {
      if (state === 'running')
        await eventually(`${id} to start`, async () => (await this.pids(id)).length > 0);
    }
    for (const pid of await this.pids()) process.kill(pid, 'SIGKILL');
    await eventually('all to end', async () => (await this.pids()).length === 0);
    await rm(this.folder, { recursive: true });
  }
}
