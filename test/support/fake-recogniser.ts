import { BadImageError } from '../../src/recognition/errors.ts';
import type { Face, RecognisedPicture, RecogniseOptions, Recogniser } from '../../src/recognition/types.ts';

/** Length of the embeddings that fakes make. */
export const FAKE_DIMENSIONS = 8;

/**
 * Reads "pictures" that are text, one face a word: `paul anna` shows two, the empty text none. Words that act instead:
 * `bad-image` is refused, `crash` ends the process at once, `hang` never answers, `bug` fails as nobody foresaw.
 */
export class FakeRecogniser implements Recogniser {
  readonly packId: string;
  readonly dimensions = FAKE_DIMENSIONS;
  /** The texts it was given, in order. */
  readonly pictures: string[] = [];
  /** From now on every word is a face. */
  repaired = false;
  /** Runs before each picture is answered, and may throw or wait. */
  before: (text: string) => Promise<void> | void = () => {};

  constructor({ packId = 'fast' }: { packId?: string } = {}) {
    this.packId = packId;
  }

  async recognise(picture: Uint8Array, { until, crops }: RecogniseOptions = {}): Promise<RecognisedPicture> {
    const text = Buffer.from(picture).toString('utf8');
    this.pictures.push(text);
    await this.before(text);
    if (!this.repaired) await act(text);
    const words = text.split(' ').filter((word) => word !== '');
    return {
      width: 64,
      height: 64,
      format: 'jpeg',
      faces: words.map((word) =>
        faceCalled(word, { isEmbedded: until !== 'detect', hasCrop: crops === true }),
      ),
      facesCut: 0,
      timings: { decodeMs: 1, detectMs: 5, embedMs: 5 },
      packId: this.packId,
    };
  }

  async embedCrop(crop: Uint8Array): Promise<Float32Array> {
    const text = Buffer.from(crop).toString('utf8');
    this.pictures.push(text);
    await act(text);
    return embeddingOf(text);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** The unit embedding of the face that a word stands for; equal words have equal ones. */
export function embeddingOf(word: string): Float32Array {
  const embedding = new Float32Array(FAKE_DIMENSIONS);
  for (const [at, byte] of Buffer.from(word).entries()) embedding[at % FAKE_DIMENSIONS]! += byte;
  const norm = Math.hypot(...embedding);
  return embedding.map((value) => value / norm);
}

async function act(text: string): Promise<void> {
  if (text === 'bad-image') throw new BadImageError('not-a-picture', 'this is no picture');
  if (text === 'bug') throw new TypeError('cannot read properties of undefined');
  if (text === 'crash') process.kill(process.pid, 'SIGKILL');
  if (text === 'crash' || text === 'hang') await new Promise(() => {});
}

function faceCalled(word: string, { isEmbedded, hasCrop }: { isEmbedded: boolean; hasCrop: boolean }): Face {
  const point = { x: 1, y: 1 };
  return {
    box: { x: 0, y: 0, width: 40, height: 40 },
    landmarks: [point, point, point, point, point],
    detectionScore: 0.9,
    quality: { overall: 0.8, sizePx: 40, embeddingNorm: 70, yawDegrees: 0, rollDegrees: 0, sharpness: 100 },
    embedding: isEmbedded ? embeddingOf(word) : new Float32Array(),
    ...(hasCrop ? { crop: Buffer.from(word) } : {}),
  };
}
