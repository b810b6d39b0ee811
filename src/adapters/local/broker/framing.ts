import { FacefleetError } from '../../../errors.ts';

/** More than any frame of ours: a full receive of ten of the largest messages, every character escaped. */
export const MAX_FRAME_BYTES = 32 * 1024 * 1024;
const HEADER_BYTES = 4;

/** Frames are cut at this many characters of JSON, so that one big answer doesn't make a frame too large. */
const CUT_FRAME_AT = 2 * 1024 * 1024;

/** Frames that hold the JSON texts given, in their order, as arrays. */
export function encodeFrames(items: readonly string[]): Buffer[] {
  const frames: Buffer[] = [];
  let pending: string[] = [];
  let characters = 0;
  for (const item of items) {
    pending.push(item);
    characters += item.length;
    if (characters < CUT_FRAME_AT) continue;
    frames.push(encodeFrame(`[${pending.join(',')}]`));
    pending = [];
    characters = 0;
  }
  if (pending.length > 0) frames.push(encodeFrame(`[${pending.join(',')}]`));
  return frames;
}

/** One frame: the length of the JSON text in four bytes, big endian, and the text in UTF-8. */
function encodeFrame(json: string): Buffer {
  const sizeBytes = Buffer.byteLength(json);
  const frame = Buffer.allocUnsafe(HEADER_BYTES + sizeBytes);
  frame.writeUInt32BE(sizeBytes, 0);
  frame.write(json, HEADER_BYTES);
  return frame;
}

/** Puts the frames of one connection together again, however they were cut on the way. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #bufferedBytes = 0;
  /** Of the next frame with its header; unknown until the header is there. */
  #neededBytes = HEADER_BYTES;
  #hasHeader = false;

  /**
   * The frames that this chunk completed, parsed.
   *
   * @throws FacefleetError `bad-request` when the bytes are no frames; the connection is of no further use.
   */
  push(chunk: Buffer): unknown[] {
    this.#chunks.push(chunk);
    this.#bufferedBytes += chunk.length;
    const frames: unknown[] = [];
    while (this.#bufferedBytes >= this.#neededBytes) {
      const bytes = this.#take(this.#neededBytes);
      if (this.#hasHeader) frames.push(parse(bytes));
      this.#neededBytes = this.#hasHeader ? HEADER_BYTES : frameSize(bytes);
      this.#hasHeader = !this.#hasHeader;
    }
    return frames;
  }

  #take(sizeBytes: number): Buffer {
    const joined = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    const rest = joined.subarray(sizeBytes);
    this.#chunks = rest.length === 0 ? [] : [rest];
    this.#bufferedBytes = rest.length;
    return joined.subarray(0, sizeBytes);
  }
}

function frameSize(header: Buffer): number {
  const sizeBytes = header.readUInt32BE(0);
  if (sizeBytes === 0 || sizeBytes > MAX_FRAME_BYTES) {
    throw new FacefleetError(
      'bad-request',
      `a frame says it has ${sizeBytes} bytes, expected 1 to ${MAX_FRAME_BYTES}`,
    );
  }
  return sizeBytes;
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new FacefleetError('bad-request', `a frame of ${bytes.length} bytes holds no JSON`, { cause });
  }
}
