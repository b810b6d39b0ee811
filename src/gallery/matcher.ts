import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { FacefleetError } from '../errors.ts';
import { type SearchHits, type SearchRequest, searchExactly } from './exact-search.ts';
import type { ThreadReply, ThreadRequest } from './matcher-thread.ts';

/** Multiplications up to which the search runs where it is called: some 0.7 ms, a fifth of a million floats a thread's round trip is not worth. */
const LARGEST_IN_PLACE = 4e6;

/** Searches in the calling thread while that takes less than a millisecond, else in a thread of its own, which is started when first needed. */
export class Matcher implements AsyncDisposable {
  readonly #inThread: boolean | undefined;
  readonly #waiting = new Map<number, PromiseWithResolvers<SearchHits[]>>();
  #thread: Worker | undefined;
  #lastId = 0;

  /** `inThread` true or false: always, or never. */
  constructor(inThread?: boolean) {
    this.#inThread = inThread;
  }

  async search(request: SearchRequest): Promise<SearchHits[]> {
    const rows = request.chunks.reduce((sum, chunk) => sum + chunk.rows, 0);
    const isLarge = rows * request.probes.length > LARGEST_IN_PLACE;
    return (this.#inThread ?? isLarge) ? this.#ask(request) : searchExactly(request);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const thread = this.#thread;
    this.#thread = undefined;
    this.#failAll('the matcher was closed');
    await thread?.terminate();
  }

  #ask(request: SearchRequest): Promise<SearchHits[]> {
    this.#thread ??= this.#start();
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<SearchHits[]>();
    this.#waiting.set(id, answer);
    this.#thread.ref();
    this.#thread.postMessage({ id, request } satisfies ThreadRequest);
    return answer.promise;
  }

  #start(): Worker {
    const thread = new Worker(new URL(`./matcher-thread${extname(import.meta.filename)}`, import.meta.url));
    thread.unref();
    thread.on('message', (reply: ThreadReply) => this.#settle(reply));
    thread.on('error', (error) => this.#lose(thread, error));
    thread.on('exit', () => this.#lose(thread));
    return thread;
  }

  #settle(reply: ThreadReply): void {
    const answer = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if ('hits' in reply) answer?.resolve(reply.hits);
    else answer?.reject(new FacefleetError('internal', `the gallery search failed: ${reply.error}`));
    // An idle thread must not keep the process alive.
    if (this.#waiting.size === 0) this.#thread?.unref();
  }

  /** The next search starts another thread. */
  #lose(thread: Worker, cause?: unknown): void {
    if (this.#thread !== thread) return;
    this.#thread = undefined;
    this.#failAll('the thread that searches the gallery ended', cause);
  }

  #failAll(message: string, cause?: unknown): void {
    for (const answer of this.#waiting.values())
      answer.reject(new FacefleetError('unavailable', message, { cause }));
    this.#waiting.clear();
  }
}
