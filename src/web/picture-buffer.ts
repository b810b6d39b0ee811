import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

import type { PictureSource } from '../jobs/record.ts';
import type { BudgetClaim } from './byte-budget.ts';
import { HttpProblem } from './problem.ts';

const SMALLEST_BLOCK_BYTES = 4 * 1024;
const LARGEST_BLOCK_BYTES = 64 * 1024;

/**
 * A picture in memory as it arrives, in blocks that double from 4 to 64 KB and are granted by the budget one by one.
 * Copying into blocks costs little and keeps a client that sends single bytes from making millions of buffers.
 */
export class PictureBuffer implements PictureSource {
  readonly #claim: BudgetClaim;
  readonly #maxBytes: number;
  readonly #signal: AbortSignal;
  readonly #hash = createHash('sha256');
  readonly #blocks: Buffer[] = [];
  #capacityBytes = 0;
  #sizeBytes = 0;
  #sha256 = '';

  constructor(claim: BudgetClaim, { maxBytes, signal }: { maxBytes: number; signal: AbortSignal }) {
    this.#claim = claim;
    this.#maxBytes = maxBytes;
    this.#signal = signal;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** Hex; once the picture is complete. */
  get sha256(): string {
    return this.#sha256;
  }

  /** The first bytes, for telling what it is. */
  get head(): Buffer {
    return this.#filled(0).subarray(0, 32);
  }

  /** @throws HttpProblem 413 when it gets too large; the signal's reason once that has aborted. */
  async append(chunk: Buffer): Promise<void> {
    this.#signal.throwIfAborted();
    if (this.#sizeBytes + chunk.length > this.#maxBytes) throw tooLarge(this.#maxBytes);
    this.#hash.update(chunk);
    for (let from = 0; from < chunk.length; ) {
      if (this.#sizeBytes === this.#capacityBytes) await this.#addBlock();
      const block = this.#blocks.at(-1);
      if (block === undefined) break;
      const at = block.length - (this.#capacityBytes - this.#sizeBytes);
      const copied = chunk.copy(block, at, from);
      this.#sizeBytes += copied;
      from += copied;
    }
  }

  complete(): void {
    this.#sha256 = this.#hash.digest('hex');
    this.#claim.complete();
  }

  /** Small ones in one piece; large ones as a stream over the blocks, since joining them would take the memory twice. */
  open(): Uint8Array | Readable {
    const blocks = this.#blocks.map((_, index) => this.#filled(index));
    if (this.#sizeBytes <= LARGEST_BLOCK_BYTES) return Buffer.concat(blocks);
    return Readable.from(blocks, { objectMode: false });
  }

  #filled(index: number): Buffer {
    const block = this.#blocks[index];
    if (block === undefined) return Buffer.alloc(0);
    const isLast = index === this.#blocks.length - 1;
    return isLast ? block.subarray(0, block.length - (this.#capacityBytes - this.#sizeBytes)) : block;
  }

  async #addBlock(): Promise<void> {
    const doubled = Math.max(SMALLEST_BLOCK_BYTES, Math.min(LARGEST_BLOCK_BYTES, this.#capacityBytes));
    const bytes = Math.min(doubled, this.#maxBytes - this.#capacityBytes);
    await this.#claim.grow(bytes, this.#signal);
    this.#blocks.push(Buffer.allocUnsafeSlow(bytes));
    this.#capacityBytes += bytes;
  }
}

export function tooLarge(maxBytes: number): HttpProblem {
  return new HttpProblem(413, `the picture is larger than ${Math.floor(maxBytes / 1024 / 1024)} MB`);
}
