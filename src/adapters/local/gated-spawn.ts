import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { CapacityUnavailableError, errorMessage } from '../../errors.ts';

/**
 * Waits until standard input closes, because its launcher let go or died; becomes the command if the claim file's
 * first line is then its nonce, and if nobody has called the instance off; else ends having done nothing.
 */
const GATE = [
  'read -r _',
  'read -r owner 2>/dev/null < "$1" || exit 0',
  '[ "$owner" = "$2" ] || exit 0',
  '[ ! -e "$3" ] || exit 0',
  'shift 3',
  'exec "$@" < /dev/null',
].join('\n');

export interface GatedCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly claimFile: string;
  readonly nonce: string;
  /** If this file exists when the gate opens, the command does not run. */
  readonly calledOffFile: string;
  /** File descriptor for standard output and error. */
  readonly logDescriptor: number;
}

export interface GatedProcess {
  readonly pid: number;
  /** When it has ended, by itself or not, as a gate or as the command; listened for from the start, since it may end at any time. */
  readonly ended: Promise<Exit>;
  /** Lets it look at its claim. The launcher's death does the same. */
  open(): void;
}

/** Null for what it did not end by. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/**
 * Starts a process that runs the command only if the claim file names it once its launcher has let go of it.
 *
 * So writing the claim is the one moment at which a launch happens: a launcher that dies before it leaves nothing
 * behind, one that dies after it has launched, and of several launchers with the same claim file one wins. The process
 * is the leader of its own session and keeps its pid when it becomes the command.
 *
 * @throws CapacityUnavailableError when the system has no room for another process.
 */
export async function spawnGated(gated: GatedCommand): Promise<GatedProcess> {
  const args = ['-c', GATE, 'facefleet-gate', gated.claimFile, gated.nonce, gated.calledOffFile];
  const child = spawn('/bin/sh', [...args, gated.command, ...gated.args], {
    detached: true,
    stdio: ['pipe', gated.logDescriptor, gated.logDescriptor],
    env: gated.environment,
  });
  const { pid, stdin } = child;
  if (pid === undefined || stdin === null) {
    const [error] = await once(child, 'error');
    throw new CapacityUnavailableError(`cannot start a process: ${errorMessage(error)}`, {
      context: { command: gated.command },
      cause: error,
    });
  }
  const ended = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
  // A gate that was killed meanwhile shows in the process table; that its pipe is gone too is no news.
  stdin.on('error', () => {});
  child.unref();
  return { pid, ended, open: () => stdin.destroy() };
}
