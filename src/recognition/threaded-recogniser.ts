import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { BadImageError, type BadImageReason, ModelError, RecogniserLostError } from './errors.ts';
import type { RecognisedPicture, RecogniseOptions, Recogniser } from './types.ts';

/** What the thread is started with; it opens the models itself. */
export interface ThreadSettings {
  readonly modelsDir: string;
  readonly packId: string;
  readonly maxPixels: number;
  readonly smallFaces: boolean;
}

export type ThreadRequest =
  | {
      readonly kind: 'recognise';
      readonly id: number;
      readonly picture: Uint8Array;
      readonly options: RecogniseOptions;
    }
  | { readonly kind: 'embed-crop'; readonly id: number; readonly crop: Uint8Array }
  | { readonly kind: 'close' };

export type ThreadReply =
  | { readonly kind: 'ready'; readonly packId: string; readonly dimensions: number }
  | { readonly kind: 'failed-to-open'; readonly error: ThreadError }
  | { readonly kind: 'recognised'; readonly id: number; readonly picture: RecognisedPicture }
  | { readonly kind: 'embedded'; readonly id: number; readonly embedding: Float32Array }
  | { readonly kind: 'failed'; readonly id: number; readonly error: ThreadError };

/** An error as it crosses the thread's border, where classes are lost. */
export interface ThreadError {
  readonly type: 'bad-image' | 'model-invalid' | 'internal';
  readonly message: string;
  readonly reason?: BadImageReason;
  readonly stack?: string;
}

// Sources run as .ts and the published package as .js.
const ENTRY = new URL(`./recogniser-thread${extname(import.meta.url)}`, import.meta.url);

interface Pending {
  readonly resolve: (reply: ThreadReply) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A recogniser in a thread of its own, since running a network blocks its thread. Calls that are waiting when the thread dies
 * are rejected with RecogniserLostError, and so are later ones: whoever holds it opens a new one.
 */
export class ThreadedRecogniser implements Recogniser {
  readonly packId: string;
  readonly dimensions: number;
  readonly #link: ThreadLink;

  private constructor(link: ThreadLink, { packId, dimensions }: { packId: string; dimensions: number }) {
    this.#link = link;
    this.packId = packId;
    this.dimensions = dimensions;
  }

  /**
   * Rejects with ModelError when the models can't be opened.
   *
   * @param entry the thread's module
   */
  static async open(settings: ThreadSettings, entry: URL = ENTRY): Promise<ThreadedRecogniser> {
    const link = new ThreadLink(settings, entry);
    const reply = await link.opened;
    if (reply.kind === 'ready') return new ThreadedRecogniser(link, reply);
    await link.close();
    throw reply.kind === 'failed-to-open' ? revived(reply.error) : new Error(`unexpected ${reply.kind}`);
  }

  async recognise(picture: Uint8Array, options: RecogniseOptions = {}): Promise<RecognisedPicture> {
    const reply = await this.#link.ask((id) => ({ kind: 'recognise', id, picture, options }));
    if (reply.kind !== 'recognised') throw new Error(`unexpected ${reply.kind}`);
    // A Buffer crosses the border as a plain Uint8Array.
    const faces = reply.picture.faces.map((face) =>
      face.crop === undefined ? face : { ...face, crop: Buffer.from(face.crop) },
    );
    return { ...reply.picture, faces };
  }

  async embedCrop(crop: Uint8Array): Promise<Float32Array> {
    const reply = await this.#link.ask((id) => ({ kind: 'embed-crop', id, crop }));
    if (reply.kind !== 'embedded') throw new Error(`unexpected ${reply.kind}`);
    return reply.embedding;
  }

  /** Ends the thread after what it is computing. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#link.close();
  }
}

/**
 * Rasters and tensors lie outside of V8's heap and go when the few bytes that hold them are collected, so a large young generation
 * keeps many dead ones: with V8's own 48 MB the process swings between 185 and 235 MB over 3 000 pictures, with 12 it stays at 142
 * (three semi-spaces of 4), for the same processor time.
 */
const YOUNG_GENERATION_MB = 12;

/** The main thread's end: matches replies to calls, and turns the thread's death into their rejection. */
class ThreadLink {
  readonly opened: Promise<ThreadReply>;
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #death: Error | undefined;

  constructor(settings: ThreadSettings, entry: URL) {
    this.#worker = new Worker(entry, {
      name: 'recogniser',
      workerData: settings,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    });
    // The thread's first word comes unasked, as the reply to call 0.
    this.opened = new Promise((resolve, reject) => this.#pending.set(0, { resolve, reject }));
    this.#exited = new Promise((resolve) => this.#worker.once('exit', () => resolve()));
    this.#worker.on('message', (reply: ThreadReply) => this.#settle(reply));
    this.#worker.on('error', (error) =>
      this.#die(new RecogniserLostError('The recogniser thread crashed.', { cause: error })),
    );
    this.#worker.on('exit', (code) =>
      this.#die(new RecogniserLostError(`The recogniser thread ended with code ${code}.`)),
    );
  }

  ask(request: (id: number) => ThreadRequest): Promise<ThreadReply> {
    return new Promise((resolve, reject) => {
      if (this.#death !== undefined) return reject(this.#death);
      const id = ++this.#lastId;
      // Throws, and so rejects, when the request can't cross the border.
      this.#worker.postMessage(request(id));
      this.#pending.set(id, { resolve, reject });
    });
  }

  async close(): Promise<void> {
    const close: ThreadRequest = { kind: 'close' };
    this.#worker.postMessage(close);
    await this.#exited;
  }

  #settle(reply: ThreadReply): void {
    const id = 'id' in reply ? reply.id : 0;
    const call = this.#pending.get(id);
    this.#pending.delete(id);
    if (reply.kind === 'failed') call?.reject(revived(reply.error));
    else call?.resolve(reply);
  }

  #die(error: Error): void {
    this.#death ??= error;
    for (const { reject } of this.#pending.values()) reject(this.#death);
    this.#pending.clear();
  }
}

/** The part of an error that survives the way between threads. */
export function flattened(error: unknown): ThreadError {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof BadImageError) return { type: 'bad-image', message, reason: error.reason };
  if (error instanceof ModelError) return { type: 'model-invalid', message };
  const stack = error instanceof Error ? error.stack : undefined;
  return { type: 'internal', message, ...(stack !== undefined && { stack }) };
}

function revived({ type, message, reason, stack }: ThreadError): Error {
  if (type === 'bad-image') return new BadImageError(reason ?? 'corrupt', message);
  if (type === 'model-invalid') return new ModelError(message);
  const error = new Error(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
