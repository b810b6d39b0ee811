import { createHash } from 'node:crypto';
import type { NewFace } from '../../src/gallery/types.ts';

/** A seeded source of numbers and of embeddings whose similarities are known. */
export class SyntheticFaces {
  readonly dimensions: number;
  #seed: number;

  constructor(seed: number, dimensions = 32) {
    this.#seed = seed >>> 0;
    this.dimensions = dimensions;
  }

  /** 0 to 1, exclusive (mulberry32). */
  next(): number {
    this.#seed = (this.#seed + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(this.#seed ^ (this.#seed >>> 15), 1 | this.#seed);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return (((bits ^ (bits >>> 14)) >>> 0) + 0.5) / 2 ** 32;
  }

  /** A direction without preference, of unit length. */
  stranger(): Float32Array {
    return normalised(Float32Array.from({ length: this.dimensions }, () => this.#gauss()));
  }

  /** Another face of the same person: at this cosine from the first. */
  another(face: Float32Array, cosine: number): Float32Array {
    const other = this.stranger();
    const along = dot(face, other);
    const across = normalised(other.map((value, at) => value - along * face[at]!));
    const sine = Math.sqrt(1 - cosine * cosine);
    return normalised(face.map((value, at) => cosine * value + sine * across[at]!));
  }

  #gauss(): number {
    return Math.sqrt(-2 * Math.log(this.next())) * Math.cos(2 * Math.PI * this.next());
  }
}

/** A face to enrol; the picture's hash and the crop follow from the embedding, so equal ones are duplicates. */
export function newFace(
  person: string,
  embedding: Float32Array,
  options: Partial<NewFace> = {},
): NewFace & { readonly crop: Buffer } {
  const bytes = Buffer.from(embedding.buffer, embedding.byteOffset, embedding.byteLength);
  return {
    person,
    packId: 'fast',
    embedding,
    sizePx: 120,
    embeddingNorm: 70,
    pictureSha256: createHash('sha256').update(bytes).digest('hex'),
    crop: Buffer.from(`crop of ${createHash('sha256').update(bytes).digest('hex')}`),
    ...options,
  };
}

export function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, at) => sum + value * b[at]!, 0);
}

function normalised(vector: Float32Array): Float32Array {
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}
