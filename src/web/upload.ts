import type { IncomingMessage } from 'node:http';

import { MAX_FILE_NAME_LENGTH } from '../jobs/job-client.ts';
import type { PictureSource } from '../jobs/record.ts';
import type { Clock } from '../ports/clock.ts';
import { type BodyReader, bodyReaderFor, noPicture, type PictureFacts } from './body-reader.ts';
import type { BudgetClaim, ByteBudget } from './byte-budget.ts';
import { free } from './free.ts';
import { PictureBuffer, tooLarge } from './picture-buffer.ts';
import { looksLikePicture } from './picture-kind.ts';
import { HttpProblem } from './problem.ts';

/** What boundaries, part headers and further fields may add to the picture. */
export const ENVELOPE_BYTES = 128 * 1024;
/** A client that sends less than this in a window isn't worth waiting for. */
export const STALL_WINDOW_MS = 10_000;
export const STALL_BYTES = 4 * 1024;

export interface UploadOptions {
  readonly maxBytes: number;
  readonly budget: ByteBudget;
  readonly clock: Clock;
}

/** A whole picture in memory. Dispose of it as soon as it is stored: others wait for its share of the budget. */
export interface Upload extends PictureFacts, Disposable {
  readonly picture: PictureSource;
  /** The picture is stored and nobody reads from it any more: its memory is freed at once, not by and by. */
  stored(): void;
}

/** The client went away before its request was read; there is nobody to tell. */
export class ClientGoneError extends Error {
  constructor() {
    super('the client went away');
    this.name = 'ClientGoneError';
  }
}

/** One upload under way: what it fills, what it holds of the budget, and what ends it early. */
interface Reception {
  readonly request: IncomingMessage;
  readonly picture: PictureBuffer;
  readonly claim: BudgetClaim;
  readonly ending: AbortController;
  readonly options: UploadOptions;
}

/**
 * Reads the one picture of a request: the field `inputFile` of a form, or a raw `image/*` body where that is allowed.
 * Leaves the connection open whatever happens, since the answer goes over it.
 *
 * @throws HttpProblem 400 (no or broken upload), 408 (too slow), 413 (too large), 415 (not a picture); ClientGoneError.
 */
export async function receiveUpload(
  request: IncomingMessage,
  options: UploadOptions,
  { allowRaw }: { allowRaw: boolean },
): Promise<Upload> {
  const openReader = bodyReaderFor(request, allowRaw);
  checkDeclaredLength(request, options.maxBytes);
  const ending = new AbortController();
  const claim = options.budget.open(() => ending.abort(tooSlow()));
  const picture = new PictureBuffer(claim, options);
  const reader = openReader(picture);
  const reception: Reception = { request, picture, claim, ending, options };
  const stopWatching = watch(reception);
  try {
    const facts = await readBody(reception, reader);
    picture.complete();
    checkPicture(picture, facts);
    return {
      ...facts,
      picture,
      stored: () => picture.free(),
      [Symbol.dispose]: () => claim[Symbol.dispose](),
    };
  } catch (error) {
    ending.abort(error);
    reader.destroy();
    // Before the claim goes: others would fill the same share of the budget while the collector has not looked.
    picture.free();
    claim[Symbol.dispose]();
    throw error;
  } finally {
    stopWatching();
  }
}

async function readBody(reception: Reception, reader: BodyReader): Promise<PictureFacts> {
  const { request, picture, claim, ending, options } = reception;
  await eachPiece(request, ending.signal, async (chunk) => {
    try {
      claim.received(chunk.length);
      if (claim.receivedBytes > options.maxBytes + ENVELOPE_BYTES) throw tooLarge(options.maxBytes);
      await picture.reserve(chunk.length, ending.signal);
      await reader.write(chunk);
    } finally {
      free(chunk);
    }
  });
  return reader.end();
}

/**
 * Hands on the body in the pieces that came off the socket, each only when the one before is worked off, so that an
 * upload that waits holds one or two. (The iterator of a stream joins what has piled up: twice the memory.)
 */
export async function eachPiece(
  request: IncomingMessage,
  signal: AbortSignal,
  work: (chunk: Buffer) => Promise<void>,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let working = Promise.resolve();
  const onData = (chunk: Buffer) => {
    request.pause();
    working = work(chunk).then(() => void request.resume(), reject);
  };
  const giveUp = () => reject(signal.reason);
  signal.addEventListener('abort', giveUp, { once: true });
  // The end comes with the last piece, not after it.
  request.on('data', onData).once('end', () => working.then(resolve));
  try {
    await promise;
  } catch (error) {
    for (let unread = request.read(); unread !== null; unread = request.read()) free(unread as Buffer);
    throw error;
  } finally {
    signal.removeEventListener('abort', giveUp);
    request.off('data', onData);
  }
}

/** Watches over the client while its request is read; the function returned ends that. */
function watch({ request, claim, ending, options }: Reception): () => void {
  const onGone = () => {
    if (!request.complete) ending.abort(new ClientGoneError());
  };
  request.on('error', onGone).on('close', onGone);
  const over = new AbortController();
  void abortWhenStalled(claim, ending, options.clock, over.signal);
  return () => over.abort('read');
}

async function abortWhenStalled(
  claim: BudgetClaim,
  ending: AbortController,
  clock: Clock,
  over: AbortSignal,
): Promise<void> {
  while (!over.aborted) {
    const { receivedBytes, waitedMs } = claim;
    await clock.sleep(STALL_WINDOW_MS, over);
    const isStalled = claim.receivedBytes - receivedBytes < STALL_BYTES && claim.waitedMs === waitedMs;
    if (!over.aborted && isStalled) ending.abort(tooSlow());
  }
}

function checkDeclaredLength(request: IncomingMessage, maxBytes: number): void {
  const declared = Number(request.headers['content-length'] ?? 0);
  if (declared > maxBytes + ENVELOPE_BYTES) throw tooLarge(maxBytes);
}

/** @throws HttpProblem 400 or 415 for what is no picture, or has a name that none can have. */
export function checkPicture(picture: PictureBuffer, { fileName }: PictureFacts): void {
  if (picture.sizeBytes === 0) throw noPicture();
  if (fileName.length > MAX_FILE_NAME_LENGTH) {
    throw new HttpProblem(
      400,
      `the file name is too long, expected at most ${MAX_FILE_NAME_LENGTH} characters`,
    );
  }
  if (/\p{Cc}/u.test(fileName)) throw new HttpProblem(400, 'the file name holds control characters');
  if (!looksLikePicture(picture.head)) {
    throw new HttpProblem(415, 'not a picture we read, expected JPEG, PNG, WebP, AVIF, GIF or TIFF');
  }
}

export function tooSlow(): HttpProblem {
  return new HttpProblem(408, 'the upload was too slow');
}
