import type { Recogniser } from '../recognition/types.ts';
import { type IsolatedReply, type IsolatedRequest, replyForError } from './isolated-protocol.ts';

/** Exit code of a child that outgrew its memory. */
const OUT_OF_MEMORY_EXIT_CODE = 77;
/** Exit code of a child whose recogniser's thread died. */
const RECOGNISER_LOST_EXIT_CODE = 78;
const MEMORY_SAMPLE_MS = 50;

export interface IsolatedChildOptions {
  readonly memoryBytes: number;
  readonly openRecogniser: () => Promise<Recogniser>;
}

/**
 * The child's side of an isolated recognition: answers the one request that its parent sends, then waits to be ended.
 * It ends itself when it outgrows its memory or when its parent is gone.
 */
export function serveIsolatedRequest({ memoryBytes, openRecogniser }: IsolatedChildOptions): void {
  process.once('disconnect', () => process.exit(0));
  // Signals to the process group (Ctrl-C) are the parent's business, which drains and waits for this child.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  setInterval(() => {
    if (process.memoryUsage.rss() > memoryBytes) process.exit(OUT_OF_MEMORY_EXIT_CODE);
  }, MEMORY_SAMPLE_MS).unref();
  process.once('message', async (request: IsolatedRequest) => {
    const reply = await answer(request, openRecogniser).catch(replyForError);
    // Its thread is as good as this process: the parent is to see a crash.
    if (reply === 'lost') process.exit(RECOGNISER_LOST_EXIT_CODE);
    process.send?.(reply);
  });
}

async function answer(request: IsolatedRequest, open: () => Promise<Recogniser>): Promise<IsolatedReply> {
  const recogniser = await open();
  if (request.kind === 'embedCrop') {
    return { kind: 'embedded', embedding: await recogniser.embedCrop(request.crop) };
  }
  return { kind: 'recognised', picture: await recogniser.recognise(request.picture, request.options) };
}
