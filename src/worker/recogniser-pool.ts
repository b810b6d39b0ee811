import type { RecognisedPicture, RecogniseOptions, Recogniser } from '../recognition/types.ts';

/** Opens as many recognisers as jobs are computed at once, and gives each picture to one with the least to do. */
export async function openRecogniserPool(size: number, open: () => Promise<Recogniser>): Promise<Recogniser> {
  const opening = await Promise.allSettled(Array.from({ length: size }, open));
  const opened = opening.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const failed = opening.find((one) => one.status === 'rejected');
  if (failed !== undefined) {
    await Promise.all(opened.map((recogniser) => recogniser[Symbol.asyncDispose]()));
    throw failed.reason;
  }
  const [only] = opened;
  return opened.length === 1 && only !== undefined ? only : new RecogniserPool(opened);
}

class RecogniserPool implements Recogniser {
  readonly packId: string;
  readonly dimensions: number;
  readonly #members: { readonly recogniser: Recogniser; calls: number }[];

  constructor(recognisers: readonly Recogniser[]) {
    this.packId = recognisers[0]!.packId;
    this.dimensions = recognisers[0]!.dimensions;
    this.#members = recognisers.map((recogniser) => ({ recogniser, calls: 0 }));
  }

  recognise(picture: Uint8Array, options?: RecogniseOptions): Promise<RecognisedPicture> {
    return this.#withFreest((recogniser) => recogniser.recognise(picture, options));
  }

  embedCrop(crop: Uint8Array): Promise<Float32Array> {
    return this.#withFreest((recogniser) => recogniser.embedCrop(crop));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#members.map(({ recogniser }) => recogniser[Symbol.asyncDispose]()));
  }

  async #withFreest<T>(call: (recogniser: Recogniser) => Promise<T>): Promise<T> {
    const freest = this.#members.reduce((best, member) => (member.calls < best.calls ? member : best));
    freest.calls++;
    try {
      return await call(freest.recogniser);
    } finally {
      freest.calls--;
    }
  }
}
