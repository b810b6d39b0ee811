import { createHash } from 'node:crypto';
import { createGalleryChanges } from '../../src/gallery/enrolment.ts';
import { Gallery } from '../../src/gallery/gallery.ts';
import { openGalleryReplica } from '../../src/gallery/replica.ts';
import { BadImageError } from '../../src/recognition/errors.ts';
import type { Face, RecognisedPicture, RecogniseOptions, Recogniser } from '../../src/recognition/types.ts';
import { runWorker } from '../../src/worker/worker.ts';
import type { MemoryDeployment } from './memory-deployment.ts';
import { SyntheticFaces } from './synthetic-faces.ts';
import { pictureOf, WebService, type WebServiceOptions } from './web-service.ts';

/** Length of its embeddings. */
export const WORD_DIMENSIONS = 64;

/**
 * The web tier on a socket, and behind it a worker that is real but for its recogniser: this one sees a face for each word
 * that is written into a picture (`pictureOf('ada bob')`). Equal words are one face, `ada~2` is another face of `ada`.
 */
export class PeopleService implements AsyncDisposable {
  readonly web: WebService;
  readonly #drain = new AbortController();
  readonly #workers: Promise<unknown>[];

  private constructor(web: WebService, workers: number) {
    this.web = web;
    this.#workers = Array.from({ length: workers }, (_, at) =>
      startWorker(web.deployment, at + 1, this.#drain.signal),
    );
  }

  static async start({
    workers = 1,
    ...options
  }: WebServiceOptions & { workers?: number } = {}): Promise<PeopleService> {
    return new PeopleService(await WebService.start({ ...options, recognise: false }), workers);
  }

  get deployment(): MemoryDeployment {
    return this.web.deployment;
  }

  /** A call with a JSON body, and its JSON answer. */
  async call<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; body: T; headers: Headers }> {
    const response = await this.web.fetch(path, {
      method,
      headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as T, headers: response.headers };
  }

  /** Sends pictures of these words, each as a file. */
  async send<T = Record<string, unknown>>(
    path: string,
    pictures: readonly string[],
    { headers = {}, externalIds = [] }: { headers?: Record<string, string>; externalIds?: string[] } = {},
  ): Promise<{ status: number; body: T }> {
    const form = new FormData();
    for (const [at, words] of pictures.entries()) {
      if (externalIds[at] !== undefined) form.append('externalId', externalIds[at]);
      const bytes = words === 'no picture' ? Buffer.from(words) : pictureOf(words);
      form.append('inputFile', new Blob([new Uint8Array(bytes)], { type: 'image/jpeg' }), `${at}.jpg`);
    }
    const response = await this.web.post(path, form, headers);
    return { status: response.status, body: (await response.json()) as T };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#drain.abort();
    await Promise.all(this.#workers);
    await this.web[Symbol.asyncDispose]();
  }
}

function startWorker(deployment: MemoryDeployment, slot: number, drain: AbortSignal): Promise<unknown> {
  const { state, clock } = deployment;
  const open = (name?: string) =>
    openGalleryReplica({ state, packId: 'fast', ...(name === undefined ? {} : { name }) });
  const recogniser = new WordRecogniser();
  return runWorker({
    deployment,
    recogniser,
    gallery: open(),
    galleryChanges: (replica) => createGalleryChanges({ gallery: new Gallery({ state, clock }), replica }),
    openGallery: async (name) => {
      const replica = await open(name);
      const gallery = new Gallery({ state, clock, name });
      return { replica, changes: createGalleryChanges({ gallery, replica }) };
    },
    openRecogniser: async () => recogniser,
    isolatedReader: () => recogniser,
    instance: { id: `instance-${slot}`, slot, generation: 1 },
    drain,
  });
}

class WordRecogniser implements Recogniser {
  readonly packId = 'fast';
  readonly dimensions = WORD_DIMENSIONS;

  async recognise(picture: Uint8Array, options: RecogniseOptions = {}): Promise<RecognisedPicture> {
    const text = Buffer.from(picture.subarray(4, 400)).toString('utf8');
    const words = /<(.*)>/.exec(text)?.[1]?.split(' ') ?? [];
    if (words.includes('broken')) throw new BadImageError('not-a-picture', 'this is no picture');
    return {
      ...{ width: 1000, height: 100, format: 'jpeg', facesCut: 0, packId: this.packId },
      faces: words.filter((word) => word !== '').map((word, at) => faceOf(word, at, options)),
      timings: { decodeMs: 1, detectMs: 1, embedMs: 1 },
    };
  }

  async embedCrop(crop: Uint8Array): Promise<Float32Array> {
    return wordEmbedding(Buffer.from(crop).toString('utf8').replace('crop of ', ''));
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** The unit embedding of the face that a word stands for. */
export function wordEmbedding(word: string): Float32Array {
  const [name = ''] = word.split('~');
  const stranger = new SyntheticFaces(seedOf(name), WORD_DIMENSIONS).stranger();
  if (word === name) return stranger;
  return new SyntheticFaces(seedOf(word), WORD_DIMENSIONS).another(stranger, 0.85);
}

function seedOf(word: string): number {
  return createHash('sha256').update(word).digest().readUInt32LE();
}

function faceOf(word: string, at: number, { until, crops }: RecogniseOptions): Face {
  const point = { x: 100 * at, y: 10 };
  return {
    box: { x: 100 * at, y: 0, width: 80, height: 80 },
    landmarks: [point, point, point, point, point],
    detectionScore: 0.99,
    quality: { overall: 0.9, sizePx: 80, embeddingNorm: 70, yawDegrees: 0, rollDegrees: 0, sharpness: 100 },
    embedding: until === 'detect' ? new Float32Array() : wordEmbedding(word),
    ...(crops === true ? { crop: Buffer.from(`crop of ${word}`) } : {}),
  };
}
