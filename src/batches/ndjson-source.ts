import { createReadStream } from 'node:fs';

import { FacefleetError } from '../errors.ts';
import { type BatchLimits, type BatchPicture, type BatchSource, refusal, tooMuch } from './batch-source.ts';

const MAX_NAME_LENGTH = 255;
/** What a line holds beside the picture. */
const ENVELOPE_BYTES = 4096;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;
const LINE_FEED = 0x0a;

/**
 * Opens a file with one JSON object a line, `{"fileName": "a.jpg", "picture": "<base64>"}`, and looks through all of it.
 *
 * @throws FacefleetError `bad-request` naming the line that is none; `limit-exceeded` for too many or too large ones.
 */
export async function openNdjson(path: string, limits: BatchLimits): Promise<BatchSource & AsyncDisposable> {
  let count = 0;
  let totalBytes = 0;
  for await (const { content } of read(path, limits)) {
    count++;
    totalBytes += content.length;
    if (count > limits.maxPictures) throw tooMuch(`there are more than ${limits.maxPictures} pictures`);
    if (totalBytes > limits.maxTotalBytes) {
      throw tooMuch(`the pictures take more than ${limits.maxTotalBytes} bytes`);
    }
  }
  if (count === 0) throw refusal('the body holds no pictures');
  return {
    count,
    skipped: 0,
    pictures: () => read(path, limits),
    [Symbol.asyncDispose]: async () => {},
  };
}

async function* read(path: string, limits: BatchLimits): AsyncGenerator<BatchPicture & { content: Buffer }> {
  let number = 0;
  for await (const line of lines(path, Math.ceil((limits.maxPictureBytes * 4) / 3) + ENVELOPE_BYTES)) {
    number++;
    if (line.toString('latin1').trim() !== '') yield parse(line, number, limits);
  }
}

function parse(line: Buffer, number: number, { maxPictureBytes }: BatchLimits) {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(line));
  } catch {
    throw refusal(`line ${number} is not JSON in UTF-8`);
  }
  const { picture, fileName = '' } = (value ?? {}) as { picture?: unknown; fileName?: unknown };
  if (typeof picture !== 'string' || !BASE64.test(picture) || picture.length % 4 !== 0) {
    throw refusal(`line ${number} has no picture in base64, expected {"fileName": "…", "picture": "…"}`);
  }
  if (typeof fileName !== 'string' || fileName.length > MAX_NAME_LENGTH || /\p{Cc}/u.test(fileName)) {
    throw refusal(`line ${number} has a fileName that is no name of at most ${MAX_NAME_LENGTH} characters`);
  }
  const content = Buffer.from(picture, 'base64');
  if (content.length > maxPictureBytes) {
    throw tooMuch(`the picture of line ${number} has more than ${maxPictureBytes} bytes`);
  }
  return { fileName: fileName.toWellFormed(), content };
}

async function* lines(path: string, maxBytes: number): AsyncGenerator<Buffer> {
  let parts: Buffer[] = [];
  let sizeBytes = 0;
  let number = 1;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
      yield Buffer.concat([...parts, chunk.subarray(start, end)]);
      parts = [];
      sizeBytes = 0;
      number++;
      start = end + 1;
    }
    sizeBytes += chunk.length - start;
    if (sizeBytes > maxBytes)
      throw new FacefleetError('limit-exceeded', `line ${number} is longer than ${maxBytes} bytes`);
    if (start < chunk.length) parts.push(chunk.subarray(start));
  }
  if (parts.length > 0) yield Buffer.concat(parts);
}
