import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

import type { PictureSource } from '../jobs/record.ts';
import type { BudgetClaim } from './byte-budget.ts';
import { free } from './free.ts';
import { HttpProblem } from './problem.ts';

const SMALLEST_BLOCK_BYTES = 4 * 1024;
const LARGEST_BLOCK_BYTES = 64 * 1024;
/** What the socket's and the parser's buffers take beside it, once a picture is larger than they are. */
export const READING_BYTES = 128 * 1024;

/**
 * A picture in memory as it arrives, in blocks that double from 4 to 64 KB and are granted by the budget one by one.
 * Copying into blocks costs little and keeps a client that sends single bytes from making millions of buffers.
 */
export class PictureBuffer implements PictureSource {
  readonly #claim: BudgetClaim;
  readonly #maxBytes: number;
  readonly #hash = createHash('sha256');
  readonly #blocks: Buffer[] = [];
  #capacityBytes = 0;
  #sizeBytes = 0;
  #sha256 = '';

  constructor(claim: BudgetClaim, { maxBytes }: { maxBytes: number }) {
    this.#claim = claim;
    this.#maxBytes = maxBytes;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Hex; once the picture is complete. */
  get sha256(): string {
    return this.#sha256;
  }

  /** The first bytes, for telling what it is. */
  get head(): Uint8Array {
    return this.#blocks[0]?.subarray(0, Math.min(32, this.#sizeBytes)) ?? new Uint8Array();
  }

  /** Waits until there is room for so many bytes more (or as many as a picture may have). */
  async reserve(bytes: number, signal: AbortSignal): Promise<void> {
    const wanted = Math.min(this.#sizeBytes + bytes, this.#maxBytes);
    while (this.#capacityBytes < wanted) {
      const doubled = Math.max(SMALLEST_BLOCK_BYTES, Math.min(LARGEST_BLOCK_BYTES, this.#capacityBytes));
      const blockBytes = Math.min(doubled, this.#maxBytes - this.#capacityBytes);
      const isFirstLarge = this.#capacityBytes === LARGEST_BLOCK_BYTES;
      await this.#claim.grow(isFirstLarge ? blockBytes + READING_BYTES : blockBytes, signal);
      this.#blocks.push(Buffer.allocUnsafeSlow(blockBytes));
      this.#capacityBytes += blockBytes;
    }
  }

  /**
   * Copies bytes that room was reserved for.
   *
   * @throws HttpProblem 413 when the picture gets too large.
   */
  append(bytes: Uint8Array): void {
    if (this.#sizeBytes + bytes.length > this.#maxBytes) throw tooLarge(this.#maxBytes);
    this.#hash.update(bytes);
    let copied = 0;
    let start = 0;
    for (const block of this.#blocks) {
      const at = Math.max(0, this.#sizeBytes - start);
      if (at < block.length && copied < bytes.length) {
        const piece = bytes.subarray(copied, copied + block.length - at);
        block.set(piece, at);
        copied += piece.length;
        this.#sizeBytes += piece.length;
      }
      start += block.length;
    }
  }

  /** Nothing more comes. */
  complete(): void {
    this.#sha256 = this.#hash.digest('hex');
    this.#claim.complete();
  }

  /**
   * Small ones in one piece; large ones as a stream over the blocks, since joining them would take the memory twice.
   * It is in object mode, because a stream of bytes would join the blocks that it has ready.
   */
  open(): Uint8Array | Readable {
    const blocks = [...this.#filledBlocks()];
    if (this.#sizeBytes <= LARGEST_BLOCK_BYTES) return Buffer.concat(blocks);
    return Readable.from(blocks);
  }

  /** Frees the memory at once; only when nobody reads from it any more. */
  free(): void {
    for (const block of this.#blocks) free(block);
    this.#blocks.length = 0;
  }

  *#filledBlocks(): Iterable<Buffer> {
    let left = this.#sizeBytes;
    for (const block of this.#blocks) {
      if (left > 0) yield block.subarray(0, left);
      left -= block.length;
    }
  }
}

export function tooLarge(maxBytes: number): HttpProblem {
  return new HttpProblem(413, `the picture is larger than ${Math.floor(maxBytes / 1024 / 1024)} MB`);
}
