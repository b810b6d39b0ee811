import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** Tells living processes apart, also from later ones that were given the same pid. */
export interface ProcessTable {
  /**
   * The start mark of each of these processes that lives: opaque, the same for as long as the process lives, another
   * one for a later process with the same pid. A zombie does not live.
   */
  startMarks(pids: readonly number[]): Promise<ReadonlyMap<number, string>>;
}

/** Reads `/proc`: the start time in clock ticks since boot, together with the id of that boot. */
export class ProcProcessTable implements ProcessTable {
  #bootId: Promise<string> | undefined;

  async startMarks(pids: readonly number[]): Promise<ReadonlyMap<number, string>> {
    this.#bootId ??= readFile('/proc/sys/kernel/random/boot_id', 'utf8').then((text) => text.trim());
    const bootId = await this.#bootId;
    const marks = await Promise.all(pids.map(async (pid) => [pid, await startTicks(pid)] as const));
    return new Map(
      marks.flatMap(([pid, ticks]) => (ticks === undefined ? [] : [[pid, `${bootId}/${ticks}`]])),
    );
  }
}

async function startTicks(pid: number): Promise<string | undefined> {
  let text: string;
  try {
    text = await readFile(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
  // The second field is the command's name in parentheses and may hold spaces and parentheses itself.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, ticks] = [fields[0], fields[19]];
  return state === 'Z' || state === 'X' ? undefined : ticks;
}

/** Asks `ps`, where there is no `/proc`. Its start times have a resolution of a second. */
export class PsProcessTable implements ProcessTable {
  async startMarks(pids: readonly number[]): Promise<ReadonlyMap<number, string>> {
    if (pids.length === 0) return new Map();
    const args = ['-o', 'pid=', '-o', 'stat=', '-o', 'lstart=', '-p', pids.join(',')];
    const lines = (await ps(args)).split('\n');
    return new Map(
      lines.flatMap((line): [number, string][] => {
        const [, pid, state, start] = /^\s*(\d+)\s+(\S+)\s+(.+?)\s*$/.exec(line) ?? [];
        return pid === undefined || start === undefined || state?.startsWith('Z')
          ? []
          : [[Number(pid), start]];
      }),
    );
  }
}

async function ps(args: readonly string[]): Promise<string> {
  try {
    const env = { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/bin:/bin' };
    return (await promisify(execFile)('ps', [...args], { env })).stdout;
  } catch (error) {
    // It exits with 1 when none of the processes is there.
    if ((error as { code?: unknown }).code === 1) return '';
    throw error;
  }
}

export const systemProcessTable: ProcessTable =
  process.platform === 'linux' ? new ProcProcessTable() : new PsProcessTable();
