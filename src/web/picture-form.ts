import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import busboy, { type Busboy, type FileInfo } from 'busboy';

import type { PictureSource } from '../jobs/record.ts';
import { brokenForm, noPicture, PICTURE_FIELD, type PictureFacts, plainType } from './body-reader.ts';
import type { BudgetClaim } from './byte-budget.ts';
import { free } from './free.ts';
import { PictureBuffer } from './picture-buffer.ts';
import { HttpProblem } from './problem.ts';
import {
  ClientGoneError,
  checkPicture,
  eachPiece,
  receiveUpload,
  STALL_BYTES,
  STALL_WINDOW_MS,
  tooSlow,
  type UploadOptions,
} from './upload.ts';

export interface PictureFormOptions extends UploadOptions {
  readonly maxPictures: number;
}

/** One picture of a form, whole and in memory; whoever takes it disposes of it. */
export interface FormPicture extends PictureFacts, Disposable {
  readonly picture: PictureSource;
  /** Why it can't be taken: too large, or no picture. The others of the form can. */
  readonly problem: HttpProblem | undefined;
  /** Text fields that came since the picture before. */
  readonly fields: ReadonlyMap<string, string>;
}

/**
 * Reads the pictures of a request one by one: every file in the field `inputFile` of a form, or a raw `image/*` body. The
 * client waits while `take` works on one, so a request holds as much memory as its largest picture, or what `take` keeps.
 *
 * @throws HttpProblem 400 (no or broken form, too many pictures), 408, and for raw bodies 413 and 415; ClientGoneError.
 */
export async function receivePictures(
  request: IncomingMessage,
  options: PictureFormOptions,
  take: (picture: FormPicture) => Promise<void>,
): Promise<void> {
  if (!/^multipart\/form-data\b/i.test(request.headers['content-type'] ?? '')) {
    const upload = await receiveUpload(request, options, { allowRaw: true });
    await take({ ...upload, problem: undefined, fields: new Map() });
    return;
  }
  const ending = new AbortController();
  using reading = new FormReading(request, options, take, ending);
  await reading.run();
}

/** A file of the form. Parser and files speak in turns of their own, so what comes is kept with the file it belongs to. */
interface FormFile {
  readonly facts: PictureFacts;
  readonly fields: ReadonlyMap<string, string>;
  /** What came since it was last looked at; refers to the chunk that the parser was given. */
  pieces: Buffer[];
  hasEnded: boolean;
}

/** The file that is being read. */
interface Current {
  readonly claim: BudgetClaim;
  readonly picture: PictureBuffer;
  problem: HttpProblem | undefined;
}

class FormReading implements Disposable {
  readonly #request: IncomingMessage;
  readonly #options: PictureFormOptions;
  readonly #take: (picture: FormPicture) => Promise<void>;
  readonly #ending: AbortController;
  readonly #over = new AbortController();
  readonly #form: Busboy;
  readonly #streams: Readable[] = [];
  /** Those that are not finished, in their order. */
  readonly #files: FormFile[] = [];
  #fields = new Map<string, string>();
  #current: Current | undefined;
  #problem: unknown;
  #pictures = 0;
  #receivedBytes = 0;
  /** Whose turn it is: not the client's while we work or wait for memory. */
  #isReceiving = true;

  constructor(
    request: IncomingMessage,
    options: PictureFormOptions,
    take: (picture: FormPicture) => Promise<void>,
    ending: AbortController,
  ) {
    this.#request = request;
    this.#options = options;
    this.#take = take;
    this.#ending = ending;
    this.#form = this.#openForm();
  }

  async run(): Promise<void> {
    const onGone = () => {
      if (!this.#request.complete) this.#ending.abort(new ClientGoneError());
    };
    this.#request.on('error', onGone).on('close', onGone);
    void this.#abortWhenStalled();
    await eachPiece(this.#request, this.#ending.signal, (chunk) => this.#onChunk(chunk));
    await new Promise<void>((resolve) => this.#form.once('close', resolve).end());
    await this.#workOff();
    if (this.#problem !== undefined) throw this.#problem;
    if (this.#pictures === 0) throw noPicture();
  }

  [Symbol.dispose](): void {
    this.#over.abort('read');
    this.#form.destroy();
    this.#current?.picture.free();
    this.#current?.claim[Symbol.dispose]();
  }

  async #onChunk(chunk: Buffer): Promise<void> {
    this.#receivedBytes += chunk.length;
    this.#isReceiving = false;
    try {
      await new Promise<void>((resolve) => this.#form.write(chunk, () => resolve()));
      while (this.#streams.some((file) => file.readableLength > 0 && !file.destroyed)) await setImmediate();
      await this.#workOff();
      if (this.#problem !== undefined) throw this.#problem;
    } finally {
      free(chunk);
    }
    this.#isReceiving = true;
  }

  /** Uses what the parser found before it gets the next chunk. A file that is not the last is whole, and about to say so. */
  async #workOff(): Promise<void> {
    for (let file = this.#files[0]; file !== undefined; file = this.#files[0]) {
      if (this.#problem !== undefined) return;
      const { pieces } = file;
      file.pieces = [];
      this.#current ??= this.#begin();
      for (const bytes of pieces) await this.#append(this.#current, bytes);
      if (file.pieces.length > 0) continue;
      if (file.hasEnded) {
        this.#files.shift();
        await this.#finish(file, this.#current);
      } else if (this.#files.length === 1) {
        return;
      } else {
        await setImmediate();
      }
    }
  }

  #begin(): Current {
    const { maxPictures, budget } = this.#options;
    if (++this.#pictures > maxPictures) {
      throw new HttpProblem(
        400,
        `the form holds more pictures than ${maxPictures}: send them in several requests`,
      );
    }
    const claim = budget.open(() => this.#ending.abort(tooSlow()));
    return { claim, picture: new PictureBuffer(claim, this.#options), problem: undefined };
  }

  async #append(current: Current, bytes: Buffer): Promise<void> {
    if (current.problem !== undefined) return;
    current.claim.received(bytes.length);
    await current.picture.reserve(bytes.length, this.#ending.signal);
    try {
      current.picture.append(bytes);
    } catch (error) {
      if (!(error instanceof HttpProblem)) throw error;
      current.problem = error;
    }
  }

  async #finish({ facts, fields }: FormFile, { picture, claim, problem }: Current): Promise<void> {
    this.#current = undefined;
    picture.complete();
    const close = () => {
      picture.free();
      claim[Symbol.dispose]();
    };
    await this.#take({
      ...{ ...facts, picture, fields, problem: problem ?? problemOf(picture, facts) },
      [Symbol.dispose]: close,
    });
  }

  #openForm(): Busboy {
    const { maxPictures } = this.#options;
    const limits = { fields: 4 * maxPictures, fieldSize: 8 * 1024, files: maxPictures + 1, headerPairs: 32 };
    let form: Busboy;
    try {
      form = busboy({ headers: this.#request.headers, defParamCharset: 'utf8', limits });
    } catch (cause) {
      throw new HttpProblem(400, 'the form names no boundary', { cause });
    }
    form.on('field', (name, value) => this.#fields.set(name, value));
    form.on('file', (name, file, info) => this.#onFile(name, file, info));
    for (const limit of ['partsLimit', 'filesLimit', 'fieldsLimit'] as const) {
      form.on(limit, () => this.#fail(new HttpProblem(400, 'the form has too many parts')));
    }
    form.on('error', () => this.#fail(brokenForm()));
    return form;
  }

  #onFile(name: string | undefined, stream: Readable, { filename, mimeType }: FileInfo): void {
    this.#streams.push(stream);
    // Without a listener of its own a file that is cut off would end the process.
    stream.on('error', () => this.#fail(brokenForm()));
    stream.on('close', () => this.#streams.splice(this.#streams.indexOf(stream), 1));
    if (name !== PICTURE_FIELD) {
      stream.resume();
      return;
    }
    const facts = { fileName: filename ?? '', contentType: plainType(mimeType) };
    const file: FormFile = { facts, fields: this.#fields, pieces: [], hasEnded: false };
    this.#fields = new Map();
    this.#files.push(file);
    stream.on('data', (bytes: Buffer) => file.pieces.push(bytes));
    stream.on('end', () => {
      file.hasEnded = true;
    });
  }

  #fail(problem: unknown): void {
    this.#problem ??= problem;
  }

  async #abortWhenStalled(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#over.signal.aborted) {
      const before = this.#receivedBytes;
      const wasReceiving = this.#isReceiving;
      await clock.sleep(STALL_WINDOW_MS, this.#over.signal);
      const isStalled = wasReceiving && this.#isReceiving && this.#receivedBytes - before < STALL_BYTES;
      if (!this.#over.signal.aborted && isStalled) this.#ending.abort(tooSlow());
    }
  }
}

function problemOf(picture: PictureBuffer, facts: PictureFacts): HttpProblem | undefined {
  try {
    checkPicture(picture, facts);
    return undefined;
  } catch (error) {
    if (error instanceof HttpProblem) return error;
    throw error;
  }
}
