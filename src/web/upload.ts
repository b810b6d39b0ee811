import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import busboy, { type Busboy, type FileInfo } from 'busboy';

import { MAX_FILE_NAME_LENGTH } from '../jobs/job-client.ts';
import type { PictureSource } from '../jobs/record.ts';
import type { Clock } from '../ports/clock.ts';
import type { BudgetClaim, ByteBudget } from './byte-budget.ts';
import { PictureBuffer, tooLarge } from './picture-buffer.ts';
import { looksLikePicture } from './picture-kind.ts';
import { HttpProblem } from './problem.ts';

/** The field of a form that holds the picture. */
export const PICTURE_FIELD = 'inputFile';
/** What boundaries, part headers and further fields may add to the picture. */
const ENVELOPE_BYTES = 128 * 1024;
const FORM_LIMITS = { fields: 16, fieldSize: 8 * 1024, files: 8, parts: 24, headerPairs: 32 };
/** A client that sends less than this in a window isn't worth waiting for. */
const STALL_WINDOW_MS = 10_000;
const STALL_BYTES = 4 * 1024;

export interface UploadOptions {
  readonly maxBytes: number;
  readonly budget: ByteBudget;
  readonly clock: Clock;
}

/** A whole picture in memory. Dispose of it as soon as it is stored: others wait for its share of the budget. */
export interface Upload extends Disposable {
  /** Without folders; empty if the client gave none. */
  readonly fileName: string;
  readonly contentType: string;
  readonly picture: PictureSource;
}

/** The client went away before its request was read; there is nobody to tell. */
export class ClientGoneError extends Error {
  constructor() {
    super('the client went away');
    this.name = 'ClientGoneError';
  }
}

/**
 * Reads the one picture of a request: the field `inputFile` of a form, or a raw `image/*` body where that is allowed.
 *
 * @throws HttpProblem 400 (no or broken upload), 408 (too slow), 413 (too large), 415 (not a picture); ClientGoneError.
 */
export async function receiveUpload(
  request: IncomingMessage,
  options: UploadOptions,
  { allowRaw }: { allowRaw: boolean },
): Promise<Upload> {
  const read = readerFor(request, allowRaw);
  checkDeclaredLength(request, options.maxBytes);
  const ending = new AbortController();
  const claim = options.budget.open(() => ending.abort(tooSlow()));
  const stopWatching = watch(request, claim, ending, options);
  const picture = new PictureBuffer(claim, { maxBytes: options.maxBytes, signal: ending.signal });
  try {
    const named = await abortable(read(request, picture, ending.signal), ending.signal);
    picture.complete();
    checkPicture(picture, named.fileName);
    return { ...named, picture, [Symbol.dispose]: () => claim[Symbol.dispose]() };
  } catch (error) {
    ending.abort(error);
    claim[Symbol.dispose]();
    throw error;
  } finally {
    stopWatching();
  }
}

interface Named {
  readonly fileName: string;
  readonly contentType: string;
}

type Read = (request: IncomingMessage, picture: PictureBuffer, signal: AbortSignal) => Promise<Named>;

function readerFor(request: IncomingMessage, allowRaw: boolean): Read {
  const type = request.headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (type === 'multipart/form-data') return readForm;
  if (type === undefined || type === '') throw noPicture();
  if (allowRaw && (type.startsWith('image/') || type === 'application/octet-stream')) return readRaw;
  const expected = allowRaw ? 'multipart/form-data or image/*' : 'multipart/form-data';
  throw new HttpProblem(415, `the request has another Content-Type, expected ${expected}`);
}

async function readRaw(request: IncomingMessage, picture: PictureBuffer): Promise<Named> {
  await collect(request, picture);
  return { fileName: '', contentType: plainType(request.headers['content-type']) };
}

function readForm(request: IncomingMessage, picture: PictureBuffer, signal: AbortSignal): Promise<Named> {
  const { promise, resolve, reject } = Promise.withResolvers<Named>();
  const form = openForm(request);
  let collected: Promise<Named> | undefined;
  form.on('file', (field, file, info) => {
    // Without a listener of its own a cut-off file would end the process.
    file.on('error', () => reject(brokenForm()));
    if (field !== PICTURE_FIELD) {
      file.resume();
    } else if (collected === undefined) {
      collected = collect(file, picture).then(() => named(info));
      collected.catch(reject);
    } else {
      reject(new HttpProblem(400, `the form holds more than one ${PICTURE_FIELD}, expected one`));
    }
  });
  for (const limit of ['partsLimit', 'filesLimit', 'fieldsLimit'] as const) {
    form.on(limit, () => reject(new HttpProblem(400, 'the form has too many parts')));
  }
  form.on('error', () => reject(brokenForm()));
  form.on('close', () => {
    if (collected === undefined) reject(noPicture());
    else resolve(collected);
  });
  signal.addEventListener('abort', () => {
    request.unpipe(form);
    form.destroy();
  });
  request.pipe(form);
  return promise;
}

function openForm(request: IncomingMessage): Busboy {
  try {
    return busboy({ headers: request.headers, defParamCharset: 'utf8', limits: FORM_LIMITS });
  } catch (cause) {
    throw new HttpProblem(400, 'the form names no boundary', { cause });
  }
}

/** Leaves the stream open whatever happens: the answer goes over the same socket. */
async function collect(stream: Readable, picture: PictureBuffer): Promise<void> {
  for await (const chunk of stream.iterator({ destroyOnReturn: false }))
    await picture.append(chunk as Buffer);
}

function named({ filename, mimeType }: FileInfo): Named {
  return { fileName: filename ?? '', contentType: plainType(mimeType) };
}

/** The media type alone, if it is one; else what says nothing. */
function plainType(type: string | undefined): string {
  const plain = type?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  return /^[a-z0-9!#$&^_.+-]{1,60}\/[a-z0-9!#$&^_.+-]{1,60}$/.test(plain)
    ? plain
    : 'application/octet-stream';
}

/** Watches over the request while it is read; the function returned ends that. */
function watch(
  request: IncomingMessage,
  claim: BudgetClaim,
  ending: AbortController,
  { maxBytes, clock }: UploadOptions,
): () => void {
  const onData = (chunk: Buffer) => {
    claim.received(chunk.length);
    if (claim.receivedBytes > maxBytes + ENVELOPE_BYTES) ending.abort(tooLarge(maxBytes));
  };
  const onGone = () => {
    if (!request.complete) ending.abort(new ClientGoneError());
  };
  request.on('data', onData).on('error', onGone).on('close', onGone);
  const over = new AbortController();
  void abortWhenStalled(claim, ending, clock, over.signal);
  return () => {
    over.abort();
    request.off('data', onData);
  };
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

function checkPicture(picture: PictureBuffer, fileName: string): void {
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

function noPicture(): HttpProblem {
  return new HttpProblem(400, `no picture: send a form with the file in the field ${PICTURE_FIELD}`);
}

function brokenForm(): HttpProblem {
  return new HttpProblem(400, 'the form is broken or cut off');
}

function tooSlow(): HttpProblem {
  return new HttpProblem(408, 'the upload was too slow');
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
