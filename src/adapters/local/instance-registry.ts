import { randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage, FacefleetError, UnavailableError } from '../../errors.ts';

/** One start of an instance's process: the first by its launch, further ones after a stop. */
export interface Run {
  readonly number: number;
  readonly slot: number;
  readonly generation: number;
  readonly token: string;
  readonly pid: number;
  /** Tells the process from a later one with the same pid. */
  readonly startMark: string;
  /** Milliseconds since the epoch. */
  readonly launchedAt: number;
}

export interface InstanceRecord {
  readonly id: string;
  readonly run: Run;
  /** Milliseconds since the epoch at which each was ordered or noted. */
  readonly stopOrderedAt?: number;
  readonly terminateOrderedAt?: number;
  readonly ended?: { readonly at: number } & Ending;
}

/** How a process came to its end, as far as it is known. */
export interface Ending {
  readonly reason: string;
  readonly endedBy?: 'itself' | 'others';
}

type NewRun = Omit<Run, 'number'>;

interface Note {
  readonly at: number;
}

const RECORD_VERSION = 1;
const RUN_FILE = /^run-(\d+)$/;
const TERMINATE = 'terminate';
const ENDED = 'ended';

/**
 * What every launcher of one fleet knows of its instances: a folder an instance, in it a claim a run (`run-1`) and
 * notes (`stop-1`, `terminate`, `ended`). Files are created whole and never changed, so any number of processes may
 * write, and one that dies leaves nothing half done.
 */
export class InstanceRegistry {
  readonly #folder: string;
  /** Claims never change: each is read once. */
  readonly #runs = new Map<string, Run>();
  /** Nothing follows the end of an instance. */
  readonly #endedRecords = new Map<string, InstanceRecord>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  async ids(): Promise<string[]> {
    const names = await this.#guard(() => namesIn(this.#folder));
    for (const id of this.#endedRecords.keys()) if (!names.includes(id)) this.#forgetCached(id);
    return names;
  }

  /** The paths that a gate looks at (see `spawnGated`). */
  paths(id: string, runNumber: number): { claimFile: string; calledOffFile: string } {
    return { claimFile: this.#path(id, `run-${runNumber}`), calledOffFile: this.#path(id, TERMINATE) };
  }

  /** Undefined when nothing was ever launched under this id, or it is forgotten. */
  async read(id: string): Promise<InstanceRecord | undefined> {
    const known = this.#endedRecords.get(id);
    if (known !== undefined) return known;
    const names = await this.#guard(() => namesIn(this.#path(id)));
    const numbers = names.flatMap((name) => Number(RUN_FILE.exec(name)?.[1] ?? []));
    if (numbers.length === 0) return undefined;
    const number = Math.max(...numbers);
    const [run, stopped, terminated, ended] = await Promise.all([
      this.#run(id, number),
      this.#note<Note>(id, `stop-${number}`, names),
      this.#note<Note>(id, TERMINATE, names),
      this.#note<Note & Ending>(id, ENDED, names),
    ]);
    const record: InstanceRecord = {
      id,
      run,
      ...(stopped && { stopOrderedAt: stopped.at }),
      ...(terminated && { terminateOrderedAt: terminated.at }),
      ...(ended && { ended }),
    };
    if (ended !== undefined) this.#endedRecords.set(id, record);
    return record;
  }

  /** True when this call made the run the instance's own; false when another launcher was first. */
  claim(id: string, number: number, nonce: string, run: NewRun): Promise<boolean> {
    const text = `${nonce}\n${JSON.stringify({ version: RECORD_VERSION, ...run })}\n`;
    return this.#create(id, `run-${number}`, text);
  }

  /** These resolve to true when this call noted it first. */
  noteStop(id: string, runNumber: number, at: number): Promise<boolean> {
    return this.#create(id, `stop-${runNumber}`, JSON.stringify({ at }));
  }

  noteTerminate(id: string, at: number): Promise<boolean> {
    return this.#create(id, TERMINATE, JSON.stringify({ at }));
  }

  noteEnded(id: string, at: number, ending: Ending): Promise<boolean> {
    return this.#create(id, ENDED, JSON.stringify({ at, ...ending }));
  }

  /** When the folder of an instance last changed, milliseconds since the epoch. */
  async touchedAt(id: string): Promise<number> {
    return (await this.#guard(() => stat(this.#path(id)))).mtimeMs;
  }

  async forget(id: string): Promise<void> {
    await this.#guard(() => rm(this.#path(id), { recursive: true, force: true }));
    this.#forgetCached(id);
  }

  #forgetCached(id: string): void {
    this.#endedRecords.delete(id);
    for (const key of this.#runs.keys()) if (key.startsWith(`${id}/`)) this.#runs.delete(key);
  }

  async #run(id: string, number: number): Promise<Run> {
    const key = `${id}/${number}`;
    const known = this.#runs.get(key);
    if (known !== undefined) return known;
    const text = await this.#guard(() => readFile(this.#path(id, `run-${number}`), 'utf8'));
    const parsed = parse<NewRun>(this.#path(id, `run-${number}`), text.slice(text.indexOf('\n') + 1));
    const run = { ...parsed, number };
    this.#runs.set(key, run);
    return run;
  }

  async #note<T extends Note>(id: string, name: string, present: readonly string[]): Promise<T | undefined> {
    if (!present.includes(name)) return undefined;
    return parse<T>(this.#path(id, name), await this.#guard(() => readFile(this.#path(id, name), 'utf8')));
  }

  /** Creates the file with all its content or not at all; false when it is there already. */
  async #create(id: string, name: string, text: string): Promise<boolean> {
    const draft = this.#path(id, `draft-${randomUUID()}`);
    return this.#guard(async () => {
      await mkdir(this.#path(id), { recursive: true, mode: 0o700 });
      await writeFile(draft, text, { mode: 0o600 });
      try {
        await link(draft, this.#path(id, name));
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
        throw error;
      } finally {
        await rm(draft, { force: true });
      }
    });
  }

  #path(...parts: string[]): string {
    return join(this.#folder, ...parts);
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw error instanceof FacefleetError ? error : translate(error, this.#folder);
    }
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function parse<T>(path: string, text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new FacefleetError('data-corrupt', 'an entry of the fleet registry is not JSON', {
      context: { path },
      cause,
    });
  }
}

function translate(cause: unknown, folder: string): FacefleetError {
  const context = { folder };
  const message = `the fleet registry cannot be used: ${errorMessage(cause)}`;
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new FacefleetError('disk-full', message, { context, cause });
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return new FacefleetError('permission-denied', message, { context, cause });
  return new UnavailableError(message, { context, cause });
}
