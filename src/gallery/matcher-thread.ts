import { parentPort } from 'node:worker_threads';
import { errorMessage } from '../errors.ts';
import { type SearchHits, type SearchRequest, searchExactly } from './exact-search.ts';

/** What the thread is asked, and what it answers. */
export interface ThreadRequest {
  readonly id: number;
  readonly request: SearchRequest;
}

export type ThreadReply =
  | { readonly id: number; readonly hits: SearchHits[] }
  | { readonly id: number; readonly error: string };

/** Runs inside the worker thread: the matrix is shared memory, so only probes and hits are copied. */
parentPort?.on('message', ({ id, request }: ThreadRequest) => {
  parentPort?.postMessage(answer(id, request));
});

function answer(id: number, request: SearchRequest): ThreadReply {
  try {
    return { id, hits: searchExactly(request) };
  } catch (error) {
    return { id, error: errorMessage(error) };
  }
}
