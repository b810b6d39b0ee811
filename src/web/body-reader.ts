import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import busboy, { type Busboy, type FileInfo } from 'busboy';

import type { PictureBuffer } from './picture-buffer.ts';
import { HttpProblem } from './problem.ts';

/** The field of a form that holds the picture. */
export const PICTURE_FIELD = 'inputFile';
const FORM_LIMITS = { fields: 16, fieldSize: 8 * 1024, files: 8, parts: 24, headerPairs: 32 };

/** What a request says of its picture. */
export interface PictureFacts {
  /** Without folders; empty if the client gave none. */
  readonly fileName: string;
  readonly contentType: string;
}

/** Takes the picture out of a body that arrives in pieces. */
export interface BodyReader {
  /** Resolves when nothing of the chunk is in use any more. Rejects with an HttpProblem. */
  write(chunk: Buffer): Promise<void>;
  /** The body is over. Rejects with an HttpProblem when it should not be, or held no picture. */
  end(): Promise<PictureFacts>;
  destroy(): void;
}

/**
 * The reader for the Content-Type of the request: a form or, where that is allowed, the bare picture.
 *
 * @throws HttpProblem 400 without a type or a boundary, 415 for other types.
 */
export function bodyReaderFor(
  request: IncomingMessage,
  allowRaw: boolean,
): (into: PictureBuffer) => BodyReader {
  const header = request.headers['content-type'];
  const type = header?.split(';', 1)[0]?.trim().toLowerCase();
  if (type === 'multipart/form-data') {
    const form = openForm(request);
    return (into) => new FormReader(form, into);
  }
  if (type === undefined || type === '') throw noPicture();
  if (allowRaw && (type.startsWith('image/') || type === 'application/octet-stream')) {
    return (into) => new RawReader(plainType(header), into);
  }
  const expected = allowRaw ? 'multipart/form-data or image/*' : 'multipart/form-data';
  throw new HttpProblem(415, `the request has another Content-Type, expected ${expected}`);
}

class RawReader implements BodyReader {
  readonly #contentType: string;
  readonly #picture: PictureBuffer;

  constructor(contentType: string, picture: PictureBuffer) {
    this.#contentType = contentType;
    this.#picture = picture;
  }

  async write(chunk: Buffer): Promise<void> {
    this.#picture.append(chunk);
  }

  async end(): Promise<PictureFacts> {
    return { fileName: '', contentType: this.#contentType };
  }

  destroy(): void {}
}

/** A form with the picture in the field `inputFile`; other fields and files are skipped. */
class FormReader implements BodyReader {
  readonly #form: Busboy;
  readonly #picture: PictureBuffer;
  readonly #files: Readable[] = [];
  #facts: PictureFacts | undefined;
  #problem: unknown;

  constructor(form: Busboy, picture: PictureBuffer) {
    this.#form = form;
    this.#picture = picture;
    form.on('file', (field, file, info) => this.#onFile(field, file, info));
    for (const limit of ['partsLimit', 'filesLimit', 'fieldsLimit'] as const) {
      form.on(limit, () => this.#fail(new HttpProblem(400, 'the form has too many parts')));
    }
    form.on('error', () => this.#fail(brokenForm()));
  }

  async write(chunk: Buffer): Promise<void> {
    await new Promise<void>((resolve) => this.#form.write(chunk, () => resolve()));
    while (this.#files.some((file) => file.readableLength > 0 && !file.destroyed)) await setImmediate();
    if (this.#problem !== undefined) throw this.#problem;
  }

  async end(): Promise<PictureFacts> {
    await new Promise<void>((resolve) => this.#form.once('close', resolve).end());
    if (this.#problem !== undefined) throw this.#problem;
    if (this.#facts === undefined) throw noPicture();
    return this.#facts;
  }

  destroy(): void {
    this.#form.destroy();
  }

  #onFile(field: string | undefined, file: Readable, { filename, mimeType }: FileInfo): void {
    this.#files.push(file);
    // Without a listener of its own a file that is cut off would end the process.
    file.on('error', () => this.#fail(brokenForm()));
    if (field !== PICTURE_FIELD) {
      file.resume();
      return;
    }
    if (this.#facts !== undefined) {
      this.#fail(new HttpProblem(400, `the form holds more than one ${PICTURE_FIELD}, expected one`));
    }
    this.#facts = { fileName: filename ?? '', contentType: plainType(mimeType) };
    file.on('data', (bytes: Buffer) => this.#append(bytes));
  }

  #append(bytes: Buffer): void {
    if (this.#problem !== undefined) return;
    try {
      this.#picture.append(bytes);
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(problem: unknown): void {
    this.#problem ??= problem;
  }
}

function openForm(request: IncomingMessage): Busboy {
  try {
    return busboy({ headers: request.headers, defParamCharset: 'utf8', limits: FORM_LIMITS });
  } catch (cause) {
    throw new HttpProblem(400, 'the form names no boundary', { cause });
  }
}

/** The media type alone, if it is one; else what says nothing. */
export function plainType(type: string | undefined): string {
  const plain = type?.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  return /^[a-z0-9!#$&^_.+-]{1,60}\/[a-z0-9!#$&^_.+-]{1,60}$/.test(plain)
    ? plain
    : 'application/octet-stream';
}

export function noPicture(): HttpProblem {
  return new HttpProblem(400, `no picture: send a form with the file in the field ${PICTURE_FIELD}`);
}

export function brokenForm(): HttpProblem {
  return new HttpProblem(400, 'the form is broken or cut off');
}
