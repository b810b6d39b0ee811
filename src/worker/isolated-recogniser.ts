import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { UnavailableError } from '../errors.ts';
import { BadImageError, RecogniserLostError } from '../recognition/errors.ts';
import type { Recogniser } from '../recognition/types.ts';
import type { IsolatedReply, IsolatedRequest } from './isolated-protocol.ts';

export interface IsolatedRecogniserOptions {
  /** Module that calls `serveIsolatedRequest`. */
  readonly entry: string;
  readonly args: readonly string[];
  readonly timeLimitSeconds: number;
  /** Largest JavaScript heap; the child watches its whole memory itself. */
  readonly heapBytes: number;
}

/** What the tasks need of a recogniser, in the process or apart from it. */
export type PictureReader = Pick<Recogniser, 'recognise' | 'embedCrop'>;

/**
 * Recognises each picture in a child process of its own, so that one which crashes recognisers harms nobody else. Slow
 * (the child loads the models anew), so it is only for jobs that are suspected.
 *
 * Rejects with RecogniserLostError when the child dies or takes too long, with UnavailableError when it cannot be
 * started, else as the recogniser does.
 */
export function createIsolatedRecogniser(options: IsolatedRecogniserOptions): PictureReader {
  return {
    async recognise(picture, recogniseOptions = {}) {
      const reply = await ask(options, { kind: 'recognise', picture, options: recogniseOptions });
      if (reply.kind === 'recognised') return reply.picture;
      throw errorFrom(reply);
    },
    async embedCrop(crop) {
      const reply = await ask(options, { kind: 'embedCrop', crop });
      if (reply.kind === 'embedded') return reply.embedding;
      throw errorFrom(reply);
    },
  };
}

async function ask(options: IsolatedRecogniserOptions, request: IsolatedRequest): Promise<IsolatedReply> {
  const child = fork(options.entry, [...options.args], {
    serialization: 'advanced',
    // Its words go where the worker's go; stdout is for answers, of which it has none.
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    execArgv: [`--max-old-space-size=${Math.ceil(options.heapBytes / 2 ** 20)}`],
  });
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    const how = `took longer than ${options.timeLimitSeconds} s`;
    timer = setTimeout(() => reject(lost(how)), options.timeLimitSeconds * 1000);
  });
  try {
    return await Promise.race([replyOf(child, request), tooLate]);
  } finally {
    clearTimeout(timer);
    await end(child);
  }
}

function replyOf(child: ChildProcess, request: IsolatedRequest): Promise<IsolatedReply> {
  return new Promise((resolve, reject) => {
    child.once('message', (reply: IsolatedReply) => resolve(reply));
    child.once('error', (cause) =>
      reject(
        new UnavailableError(`a process for the recogniser cannot be started: ${cause.message}`, { cause }),
      ),
    );
    child.once('exit', (code, signal) =>
      reject(lost(signal === null ? `ended with code ${code}` : `was ended by ${signal}`)),
    );
    child.send(request, (error) => {
      if (error !== null) reject(lost(`took no request: ${error.message}`));
    });
  });
}

async function end(child: ChildProcess): Promise<void> {
  const isRunning = child.pid !== undefined && child.exitCode === null && child.signalCode === null;
  if (!isRunning) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

function lost(how: string): RecogniserLostError {
  return new RecogniserLostError(`the recogniser's process ${how}`);
}

function errorFrom(reply: IsolatedReply): Error {
  if (reply.kind === 'bad-image') return new BadImageError(reply.reason, reply.message);
  if (reply.kind === 'failed') return new Error(reply.message);
  return new Error(`the recogniser's process answered ${reply.kind}, which was not asked`);
}
